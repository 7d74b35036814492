/** The checker itself is checked: each planted fault must be seen. */
import { describe, expect, test } from "vitest";
import { PlaylistRules } from "../harness/hls-rules.ts";
import { parseMaster, parseMedia } from "../harness/m3u8.ts";

type Shape = {
  msn?: number;
  target?: number;
  count?: number;
  discontinuityAt?: number;
  sequence?: number;
  head?: string;
};
const EPOCH = Date.UTC(2026, 0, 1);

/** A correct playlist of 2 s segments, or one bent by `edit`. */
function playlist(
  { msn = 10, target = 2, count = 6, discontinuityAt, sequence, head = "" }: Shape = {},
  edit = (t: string) => t,
) {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:9", `#EXT-X-TARGETDURATION:${target}`, `#EXT-X-MEDIA-SEQUENCE:${msn}`];
  if (sequence !== undefined) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${sequence}`);
  lines.push("#EXT-X-PART-INF:PART-TARGET=0.5", "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5", head);
  lines.push('#EXT-X-MAP:URI="a-init0.mp4"');
  for (let n = msn; n < msn + count; n++) {
    if (n === discontinuityAt) lines.push("#EXT-X-DISCONTINUITY");
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(EPOCH + n * 2000).toISOString()}`);
    for (let p = 0; p < 4; p++)
      lines.push(`#EXT-X-PART:DURATION=0.500,URI="a-${n}.${p}.m4s"${p ? "" : ",INDEPENDENT=YES"}`);
    lines.push("#EXTINF:2.000,", `a-${n}.m4s`);
  }
  return parseMedia(edit(`${lines.filter(Boolean).join("\n")}\n`));
}

const violations = (...lists: ReturnType<typeof parseMedia>[]) => {
  const rules = new PlaylistRules();
  for (const list of lists) rules.feed(list);
  return rules.violations;
};

test("a correct playlist has no violation", () => {
  expect(violations(playlist(), playlist({ msn: 11 }), playlist({ msn: 13 }))).toEqual([]);
  expect(violations(playlist({ discontinuityAt: 11 }), playlist({ msn: 12, sequence: 1 }))).toEqual([]);
});

describe("planted faults are seen", () => {
  const faults: [string, ReturnType<typeof parseMedia>[], RegExp][] = [
    [
      "EXTINF over the target",
      [playlist({}, (t) => t.replace("EXTINF:2.000", "EXTINF:2.600"))],
      /exceeds TARGETDURATION/,
    ],
    ["no date", [playlist({}, (t) => t.replace(/#EXT-X-PROGRAM.*\n/, ""))], /no PROGRAM-DATE-TIME/],
    ["a short part", [playlist({}, (t) => t.replace("DURATION=0.500", "DURATION=0.300"))], /part 0 of 4 lasts 0.3/],
    ["a long part", [playlist({}, (t) => t.replace("DURATION=0.500", "DURATION=0.700"))], /lasts 0.7, target 0.5/],
    [
      "parts that do not add up",
      [playlist({}, (t) => t.replace("DURATION=0.500", "DURATION=0.450"))],
      /parts last 1.950/,
    ],
    ["a target that changes", [playlist(), playlist({ msn: 11, target: 3 })], /TARGETDURATION went from 2 to 3/],
    ["numbers that go back", [playlist(), playlist({ msn: 9 })], /back to 9/],
    ["a renamed segment", [playlist(), playlist({}, (t) => t.replaceAll("a-12.m4s", "b-12.m4s"))], /uri went from/],
    [
      "a date that moves",
      [playlist(), playlist({}, (t) => t.replace("00:00:20.000Z", "00:00:20.500Z"))],
      /programDateTime went/,
    ],
    [
      "a discontinuity forgotten",
      [playlist({ discontinuityAt: 11 }), playlist({ msn: 12 })],
      /DISCONTINUITY-SEQUENCE is 0, 1 expected/,
    ],
    ["a short hold-back", [playlist({}, (t) => t.replace("HOLD-BACK=1.5", "HOLD-BACK=0.5"))], /PART-HOLD-BACK/],
    ["segments that vanish", [playlist(), playlist({ count: 3 })], /vanished/],
    ["an end taken back", [playlist({}, (t) => `${t}#EXT-X-ENDLIST\n`), playlist()], /ENDLIST was taken back/],
  ];
  test.each(faults)("%s", (_, lists, complaint) => {
    expect(violations(...lists).join("\n")).toMatch(complaint);
  });
});

test("a line that is not understood is refused", () => {
  expect(() => playlist({ head: "#EXT-X-SURPRISE:1" })).toThrow("unknown line");
  expect(() => parseMedia("#EXTINF:2,\na.m4s\n")).toThrow("EXTM3U");
});

test("a master's attributes are read", () => {
  const text =
    '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000\na/b.m3u8\n';
  expect(parseMaster(text).variants[0]).toEqual({
    uri: "a/b.m3u8",
    bandwidth: 100,
    averageBandwidth: null,
    codecs: ["avc1.64001f", "mp4a.40.2"],
    resolution: { width: 1280, height: 720 },
    frameRate: 30,
  });
});
