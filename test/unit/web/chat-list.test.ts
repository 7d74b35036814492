/** What of a chat is shown, and how: rows, links, words, and which part of a long list is drawn. */
import { describe, expect, test } from "vitest";
import type { Channel } from "#contract/chat";
import { groupsOf } from "../../../web/chat/channel-groups.ts";
import { lineOf } from "../../../web/chat/lines.ts";
import { partsOf } from "../../../web/chat/links.ts";
import { rowsOf } from "../../../web/chat/rows.ts";
import { shownLines } from "../../../web/chat/shown.ts";
import { countdown, dayOf, initialsOf, newsWords, pauseWords, typingWords } from "../../../web/chat/words.ts";
import { drawnAround, indexAt, type Known, type Place } from "../../../web/ui/virtual-list-place.ts";
import { past } from "./chat-scene.ts";

describe("rows", () => {
  const reader = { me: 1, sent: () => false };
  const at = (day: number, minutes: number) => new Date(2026, 10, day, 10, minutes).toISOString();
  const rows = (...all: Parameters<typeof past>[]) =>
    rowsOf(
      shownLines(
        all.map(([seq, more]) => lineOf(past(seq, more), reader)),
        [],
        null,
      ),
    );

  test("who goes on speaking is not named again, until a pause, an answer or a new day", () => {
    const all = rows(
      [1, { created_at: at(27, 0) }],
      [2, { created_at: at(27, 4) }],
      [3, { created_at: at(27, 10) }],
      [4, { created_at: at(27, 11), reply_to: 1 }],
      [5, { created_at: at(27, 11), user_id: 2 }],
      [6, { created_at: at(28, 0), user_id: 2 }],
    );
    expect(all.map(({ isFirst }) => isFirst)).toEqual([true, false, true, true, true, true]);
    expect(all.map(({ isNewDay }) => isNewDay)).toEqual([true, false, false, false, false, true]);
  });

  test("anonymous messages are each named: nobody knows who is who", () => {
    const hidden = { user_id: null, created_at: at(27, 0) };
    expect(rows([1, hidden], [2, hidden]).map(({ isFirst }) => isFirst)).toEqual([true, true]);
  });

  test("what has not changed is the same row", () => {
    const lines = [1, 2, 3].map((seq) => lineOf(past(seq), reader));
    const before = rowsOf(shownLines(lines, [], null));
    const after = rowsOf(shownLines(lines.slice(1), [], null));
    expect(after[1]).toBe(before[2]);
    // It is the first of the list now.
    expect(after[0]).not.toBe(before[1]);
  });
});

describe("links", () => {
  const hrefs = (text: string) => partsOf(text).flatMap(({ href }) => href ?? []);

  test.each([
    ["see https://a.example/x(1), and more", ["https://a.example/x(1)"]],
    ["HTTP://EXAMPLE.com/a?b=c&d.", ["http://example.com/a?b=c&d"]],
    ["http://127.0.0.1:8080/ http://[::1]/", ["http://127.0.0.1:8080/", "http://[::1]/"]],
    ["https://пример.рф/путь", ["https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C"]],
  ])("%s", (text, expected) => expect(hrefs(text)).toEqual(expected));

  test.each([
    "example.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.example/",
    "mailto:a@b.example",
    "//a.example/",
    "http://",
    "a@b.example",
  ])("none in %s", (text) => expect(hrefs(text)).toEqual([]));

  test("the parts are the whole text", () => {
    for (const text of [
      "",
      "a",
      "https://a.example",
      "x https://a.example y https://b.example",
      "https://a.example\n\n",
    ]) {
      expect(
        partsOf(text)
          .map((part) => part.text)
          .join(""),
      ).toBe(text);
    }
  });
});

describe("words", () => {
  const now = new Date(2026, 10, 28, 0, 5);

  test("days", () => {
    expect(dayOf(now, now)).toBe("Today");
    expect(dayOf(new Date(2026, 10, 27, 23, 59), now)).toBe("Yesterday");
    expect(dayOf(new Date(2026, 10, 20), now)).not.toMatch(/2026/);
    expect(dayOf(new Date(2025, 10, 20), now)).toMatch(/2025/);
  });

  test("waits", () => {
    expect([0, 1.2, 59, 60, 125, 3_725].map(countdown)).toEqual(["0 s", "2 s", "59 s", "1:00", "2:05", "1:02:05"]);
    expect([0, 5, 300, 21_600].map(pauseWords)).toEqual(["Off", "5 s", "5 min", "6 h"]);
  });

  test("people", () => {
    expect(typingWords([])).toBe("");
    expect(typingWords(["ada"])).toBe("ada is typing");
    expect(typingWords(["ada", "bob"])).toBe("ada and bob are typing");
    expect(typingWords(["ada", "bob", "eve"])).toBe("Several people are typing");
    expect(["Ada Lovelace", "ada", "a", "🦊 fox"].map(initialsOf)).toEqual(["AL", "AD", "A", "🦊F"]);
    expect(newsWords([])).toBe("");
    expect(newsWords([{ author: "ada", text: "hello" }])).toBe("ada: hello");
    expect(newsWords(Array(7).fill({ author: "ada", text: "hello" }))).toBe("7 new messages");
  });
});

test("channels: default ones, categories, streams with live ones first; no empty group", () => {
  const channel = (id: number, name: string, more: Partial<Channel> = {}) =>
    ({ id, name, category: "general", is_default: 0, is_stream_channel: false, ...more }) as Channel;
  const groups = groupsOf([
    channel(1, "general", { is_default: 1 }),
    channel(5, "zeppelins", { category: "air" }),
    channel(6, "balloons", { category: "air" }),
    channel(7, "music"),
    channel(8, "one", { is_stream_channel: true }),
    channel(9, "two", { is_stream_channel: true, stream_is_live: 1 }),
  ]);
  expect(groups.map(({ title, channels }) => [title, ...channels.map(({ name }) => name)])).toEqual([
    ["Channels", "general"],
    ["air", "balloons", "zeppelins"],
    ["general", "music"],
    ["Streams", "two", "one"],
  ]);
  expect(groupsOf([])).toEqual([]);
});

describe("a long list", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
  const known = (heights: [string, number][] = []): Known => ({
    keys,
    indexes: new Map(keys.map((key, index) => [key, index])),
    heights: new Map(heights),
  });
  const rows = ({ from, to }: { from: number; to: number }) => to - from;

  test("at its end the last rows are drawn, and room is left for all others", () => {
    const drawn = drawnAround(known([["k0", 40]]), "end", 600);
    expect(drawn.to).toBe(10_000);
    expect(rows(drawn)).toBe((600 + 800) / 40);
    expect(drawn).toMatchObject({ above: drawn.from * 40, below: 0 });
  });

  test("around a row, wherever it has moved to", () => {
    const place: Place = [["k5000", 100]];
    const drawn = drawnAround(known([["k0", 40]]), place, 600);
    expect(drawn.from).toBeLessThanOrEqual(5000 - 20);
    expect(drawn.to).toBeGreaterThanOrEqual(5000 + 20);
    expect(rows(drawn)).toBeLessThan(60);
    expect(drawn.above + drawn.below).toBe((10_000 - rows(drawn)) * 40);
  });

  test("rows that are gone count for nothing; without any it is at the end", () => {
    const place: Place = [
      ["gone", 10],
      ["k7", 50],
    ];
    expect(drawnAround(known(), place, 600).from).toBe(0);
    expect(drawnAround(known(), [["gone", 10]], 600).to).toBe(10_000);
  });

  test("before its height is known little of it is drawn, and nothing of nothing", () => {
    expect(rows(drawnAround(known(), "end", 0))).toBeLessThan(30);
    const nothing: Known = { keys: [], indexes: new Map(), heights: new Map() };
    expect(drawnAround(nothing, "end", 600)).toEqual({ from: 0, to: 0, above: 0, below: 0 });
  });

  test("the row at a place, as far as can be said", () => {
    expect(indexAt(known([["k0", 40]]), 4_010)).toEqual([["k100", 30]]);
    expect(indexAt(known(), 1e9)).toBe("end");
  });
});
