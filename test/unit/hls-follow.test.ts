/** The follower's checks of media are checked: each planted fault must be seen. */
import { beforeEach, describe, expect, test } from "vitest";
import { HlsOutput } from "../../media-worker/packager/hls-output.ts";
import { checkSegments, codecsOf, type FollowedSegment } from "../harness/hls-follow.ts";
import type { MediaPlaylist } from "../harness/m3u8.ts";
import { boxes, readFragments } from "../harness/mp4.ts";
import { BOTH, fetchFrom, followed, GRANT, interleaved, mediaOf, pictures, sound } from "../harness/synthetic-media.ts";

let list: MediaPlaylist;
let segments: FollowedSegment[];
let parts: Map<string, Buffer>;

/** Four segments of 2 s with four parts each, as they should be. */
beforeEach(async () => {
  const output = new HlsOutput(500, null);
  output.session(GRANT);
  output.timeline(BOTH, 0);
  const key = (n: number) => n % 30 === 0;
  for (const unit of interleaved(pictures({ seconds: 9.1, key }), sound(9.1))) output.unit(unit);
  list = mediaOf(output);
  segments = await Promise.all(list.segments.slice(1).map((segment) => followed(output, segment)));
  parts = new Map();
  for (const { uri } of list.segments.flatMap((segment) => segment.parts)) {
    parts.set(uri, (await fetchFrom(output, uri)) ?? Buffer.alloc(0));
  }
});

function complaints(): string {
  const said: string[] = [];
  checkSegments(segments, list, parts, (text) => said.push(text));
  return said.join("\n");
}

/** Where `name`'s content begins in the n-th box of that name. */
function find(bytes: Buffer, name: string, n = 0): number {
  let at = -1;
  for (let i = 0; i <= n; i++) at = bytes.indexOf(name, at + 1);
  return at + 4;
}

test("media as it should be has no fault", () => {
  expect(complaints()).toBe("");
  expect(codecsOf(segments[0]!.init)).toEqual(["avc1.42c00d", "mp4a.40.2"]);
});

describe("planted faults are seen", () => {
  const faults: [string, () => void, RegExp][] = [
    ["a wrong EXTINF", () => (segments[1]!.duration = 1.9), /segment 3: EXTINF 1.9, its video lasts 2.0/],
    ["a gap before a segment", () => shift(segments[2]!, 9000), /video starts at 5.1\d+, the last ended at 5.0/],
    ["a claim of independence", () => (segments[1]!.startsWithSync = false), /claimed independent/],
    [
      "a stretch that begins without a keyframe",
      () => Object.assign(segments[1]!, { startsWithSync: false, discontinuity: true }),
      /segment 3: begins a stretch without a keyframe/,
    ],
    ["another MAP", () => (segments[1]!.map = "other.mp4"), /another MAP without a DISCONTINUITY/],
    ["a date that drifts", () => (segments[2]!.programDateTime! += 150), /PROGRAM-DATE-TIME is off by 150 ms/],
    [
      "a part that is not of the segment",
      () => void parts.get("e1-5.1.m4s")!.fill(1, 2000),
      /its parts are not its bytes/,
    ],
    ["a part's length", () => (segments[3]!.parts[0]!.duration = 0.4), /segment 5: part 0 says 0.4, it lasts 0.5/],
    ["INDEPENDENT without a keyframe", () => (segments[3]!.parts[1]!.independent = true), /has no keyframe/],
    ["a keyframe not said", () => (segments[3]!.parts[0]!.independent = false), /does not say INDEPENDENT/],
  ];
  test.each(faults)("%s", (_, plant, complaint) => {
    plant();
    expect(complaints()).toMatch(complaint);
  });

  test("fragments of a segment that do not join", () => {
    segments[1]!.fragments[2]!.decodeTime += 9000;
    expect(complaints).toThrow(/do not join/);
  });
});

/** Moves a segment's video by so many ticks. */
function shift(segment: FollowedSegment, ticks: number): void {
  for (const fragment of segment.fragments) if (fragment.track.kind === "video") fragment.decodeTime += ticks;
}

describe("damaged boxes are refused", () => {
  const reread = () => readFragments(segments[1]!.bytes, segments[1]!.tracks);
  test.each<[string, (bytes: Buffer) => void, RegExp]>([
    ["a size beyond the end", (b) => b.writeUInt32BE(b.length + 1, 0), /has size/],
    ["an offset outside", (b) => b.writeUInt32BE(1, find(b, "trun") + 8), /outside its mdat/],
    ["a sample too long", (b) => b.writeUInt32BE(1e6, find(b, "trun") + 16), /beyond their mdat/],
    ["a sample too short", (b) => b.writeUInt32BE(1, find(b, "trun") + 16), /mdat has/],
    ["a track nobody knows", (b) => b.writeUInt32BE(9, find(b, "tfhd") + 4), /does not know/],
    ["no default base", (b) => b.writeUInt32BE(0, find(b, "tfhd")), /default-base-is-moof/],
  ])("%s", (_, damage, complaint) => {
    damage(segments[1]!.bytes);
    expect(reread).toThrow(complaint);
  });

  test("a cut off file", () => {
    expect(() => boxes(segments[0]!.bytes.subarray(0, -3))).toThrow();
  });
});
