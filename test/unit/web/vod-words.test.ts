/** What pages say about recordings. */
import { describe, expect, test } from "vitest";
import { VodStatus } from "#contract/vods";
import { libraryPath, vodEmbedSnippet, vodPath } from "../../../web/vods/addresses.ts";
import { isMoving, pendingWords, picture, STATUS_LABELS, size, statusExplained } from "../../../web/vods/words.ts";

describe("the state of a recording", () => {
  const vod = (status: VodStatus, rest: { playback_url?: string | null; error?: string } = {}) => ({
    status,
    playback_url: null,
    ...rest,
  });

  test("has a name, and whatever is not simply ready is explained", () => {
    for (const status of VodStatus.options) {
      expect(STATUS_LABELS[status]).toBeTruthy();
      expect(statusExplained(vod(status)) === null).toBe(status === "ready");
      expect(pendingWords(vod(status)).title).toBeTruthy();
      expect(pendingWords(vod(status)).text).toBeTruthy();
    }
  });

  test("a failure is told in the server's words where there are any", () => {
    expect(statusExplained(vod("failed", { error: "The disk was full" }))).toBe("The disk was full");
    expect(pendingWords(vod("failed", { error: "The disk was full" })).text).toBe("The disk was full");
    expect(statusExplained(vod("failed"))).toBe("Nothing of it reached the storage.");
  });

  test("what plays in part says what is known of the rest, and no more", () => {
    const error = "The encoder reconnected 2000 times: what came after that was not recorded";
    expect(statusExplained(vod("truncated", { error }))).toBe(`${error}. The rest plays.`);
    expect(statusExplained(vod("truncated"))).toBe("A part of it never reached the storage. The rest plays.");
  });

  test("while it is finished, what is there already plays", () => {
    expect(statusExplained(vod("processing"))).toContain("a few seconds");
    expect(statusExplained(vod("processing", { playback_url: "https://sluice.test/x" }))).toContain("plays already");
  });

  test("only what changes by itself is asked for again", () => {
    expect(VodStatus.options.filter((status) => isMoving({ status }))).toEqual(["recording", "processing"]);
  });
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [812_400, "812 kB"],
  [999_600, "1.0 MB"],
  [18_345_678, "18 MB"],
  [3_440_000_000, "3.4 GB"],
  [9_960_000_000, "10 GB"],
  [2_000_000_000_000_000, "2000 TB"],
])("%d bytes are %j", (bytes, said) => {
  expect(size(bytes)).toBe(said);
});

test("a part without a picture says so", () => {
  expect(picture({ width: 1280, height: 720 })).toBe("1280 × 720");
  expect(picture({ width: null, height: null })).toBe("Audio only");
});

test("what people take along names the recording", () => {
  expect(vodPath({ public_id: "vod_x" })).toBe("/vod/vod_x");
  expect(libraryPath({ id: 7 })).toBe("/library?stream=7");
  expect(vodEmbedSnippet({ public_id: "vod_x" }, "https://sluice.test")).toContain(
    'src="https://sluice.test/embed/vod/vod_x"',
  );
});
