/** The playlist of a recording: what players are told of its parts, to the byte and the millisecond. */
import { describe, expect, test } from "vitest";
import type { Run } from "../../schema/contract/recording.ts";
import { type PlaylistPart, vodPlaylist } from "../../workers/vods/playlist.ts";

const part = (runs: Run[], fields: Partial<PlaylistPart> = {}): PlaylistPart => ({
  epoch: "t1",
  n: 0,
  started_at: Date.UTC(2026, 10, 21, 18, 30, 0, 250),
  init_bytes: 900,
  header_bytes: 1_049_476,
  runs,
  ...fields,
});

test("of one part is its runs, one after the other", () => {
  const runs: Run[] = [
    [1_000_000, 4_004],
    [900_000, 4_000],
    [10, 33],
  ];
  expect(vodPlaylist([part(runs)])).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="parts/1.mp4?v=t1-0",BYTERANGE="900@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T18:30:00.250Z
#EXTINF:4.004,
#EXT-X-BYTERANGE:1000000@1049476
parts/1.mp4?v=t1-0
#EXTINF:4.000,
#EXT-X-BYTERANGE:900000@2049476
parts/1.mp4?v=t1-0
#EXTINF:0.033,
#EXT-X-BYTERANGE:10@2949476
parts/1.mp4?v=t1-0
#EXT-X-ENDLIST
`);
});

describe("of several parts", () => {
  const three = vodPlaylist(
    [
      part([[100, 4_000]]),
      part([[200, 5_500]], { n: 1, init_bytes: 950, header_bytes: 2_000, started_at: Date.UTC(2026, 10, 21, 18, 31) }),
      part([[300, 4_000]], { epoch: "t2", header_bytes: 3_000, started_at: Date.UTC(2026, 10, 21, 18, 40) }),
    ],
    "token=play.1.abc",
  );

  test("each has its own map and time, and a discontinuity before all but the first", () => {
    expect(three.match(/#EXT-X-DISCONTINUITY/g)).toHaveLength(2);
    expect([...three.matchAll(/#EXT-X-MAP:(.*)/g)].map(([, map]) => map)).toEqual([
      'URI="parts/1.mp4?v=t1-0&token=play.1.abc",BYTERANGE="900@0"',
      'URI="parts/2.mp4?v=t1-1&token=play.1.abc",BYTERANGE="950@0"',
      'URI="parts/3.mp4?v=t2-0&token=play.1.abc",BYTERANGE="900@0"',
    ]);
    expect([...three.matchAll(/PROGRAM-DATE-TIME:(.*)/g)].map(([, time]) => time)).toEqual([
      "2026-11-21T18:30:00.250Z",
      "2026-11-21T18:31:00.000Z",
      "2026-11-21T18:40:00.000Z",
    ]);
    expect([...three.matchAll(/BYTERANGE:(.*)/g)].map(([, range]) => range)).toEqual([
      "100@1049476",
      "200@2000",
      "300@3000",
    ]);
    expect(three.indexOf("#EXT-X-DISCONTINUITY\n#EXT-X-MAP")).toBeGreaterThan(0);
  });

  test("no segment is longer than the target duration, rounded", () => {
    expect(three).toContain("#EXT-X-TARGETDURATION:6\n");
    expect(vodPlaylist([part([[1, 5_499]])])).toContain("#EXT-X-TARGETDURATION:5\n");
    expect(vodPlaylist([part([[1, 40]])])).toContain("#EXT-X-TARGETDURATION:1\n");
  });

  test("one without anything to play is left out, and the others keep their numbers", () => {
    const text = vodPlaylist([part([]), part([[100, 4_000]], { n: 1 })]);
    expect(text).not.toContain("DISCONTINUITY");
    expect([...text.matchAll(/^parts.*$/gm)].map(([uri]) => uri)).toEqual(["parts/2.mp4?v=t1-1"]);
  });
});

test("a single frame still takes time", () => {
  expect(vodPlaylist([part([[100, 0]])])).toContain("#EXTINF:0.001,\n");
});

test("three hours are some thousand segments", () => {
  const runs: Run[] = Array.from({ length: 2_700 }, (_, index) => [1_500_000 + index, 4_000]);
  const text = vodPlaylist([part(runs)]);
  expect(text.match(/#EXTINF/g)).toHaveLength(2_700);
  expect(text).toContain(`#EXT-X-BYTERANGE:${1_500_000 + 2_699}@`);
});
