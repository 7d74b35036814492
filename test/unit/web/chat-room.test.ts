/** What a reader sees of a channel, frame by frame. */
import { describe, expect, test } from "vitest";
import type { Reader } from "../../../web/chat/lines.ts";
import { NOTHING, quieted, type RoomFrame, step, trimmed, type View } from "../../../web/chat/room.ts";
import { deleted, edited, history, idOf, message, past, pinned, ROOM, reacted, resumed } from "./chat-scene.ts";

const GUEST: Reader = { me: null, sent: () => false };
const reader: Reader = { me: 1, sent: (nonce) => nonce === "mine" };

/** The view after all of `frames`, and at which of them something was missing. */
function seen(view: View, ...frames: RoomFrame[]) {
  const gaps: number[] = [];
  let now = view;
  frames.forEach((frame, index) => {
    const { view: next, gap } = step(now, frame, reader, 1_000);
    now = next;
    if (gap) gaps.push(index);
  });
  return { view: now, gaps };
}

const joined = (rev: number, seqs: number[], more = {}) => seen(NOTHING, history(rev, seqs, more)).view;
const texts = ({ lines }: View) => lines.map((line) => line.message);

describe("changes", () => {
  test("each is applied exactly when it is the next", () => {
    const { view, gaps } = seen(joined(10, [1, 2]), message(11, 3), edited(12, 3, "better"), message(13, 4));
    expect(gaps).toEqual([]);
    expect(view.rev).toBe(13);
    expect(texts(view)).toEqual(["message 1", "message 2", "better", "message 4"]);
  });

  test("one that was seen changes nothing", () => {
    const before = joined(10, [1, 2]);
    const { view, gaps } = seen(before, message(10, 2), deleted(4, 1), edited(9, 1, "old"));
    expect(view).toBe(before);
    expect(gaps).toEqual([]);
  });

  test("one that comes too early is not applied, and says that some are missing", () => {
    const before = joined(10, [1]);
    const { view, gaps } = seen(before, message(12, 3));
    expect(view).toBe(before);
    expect(gaps).toEqual([0]);
    const after = seen(view, message(11, 2), message(12, 3), resumed(12));
    expect(after.gaps).toEqual([]);
    expect(texts(after.view)).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("what is no change tells of missing ones, too", () => {
    const typing = { type: "typing", channel_id: ROOM, rev: 12, user_id: 2, username: "bob" } as const;
    expect(seen(joined(10, []), typing, resumed(10), resumed(11)).gaps).toEqual([0, 2]);
  });

  test("before anything is known nothing is applied and nothing is missing", () => {
    const { view, gaps } = seen(NOTHING, message(12, 3), resumed(12));
    expect(view).toBe(NOTHING);
    expect(gaps).toEqual([]);
  });

  test("`skipped` has a number like all others", () => {
    const { view, gaps } = seen(joined(10, []), { type: "skipped", channel_id: ROOM, rev: 11 }, message(12, 1));
    expect(gaps).toEqual([]);
    expect(view.rev).toBe(12);
  });
});

describe("messages", () => {
  test("a deleted one vanishes with its pin, and answers to it know", () => {
    const preview = { id: idOf(1), username: "ada", message: "message 1" };
    const answer = message(11, 2, { reply_to: idOf(1), reply_preview: preview });
    const { view } = seen(joined(10, [1]), answer, pinned(12, 1), deleted(13, 1));
    expect(texts(view)).toEqual(["message 2"]);
    expect(view.lines[0]?.reply_preview).toBeNull();
    expect(view.pins).toEqual([]);
  });

  test("an edit shows in its pin and in answers to it", () => {
    const preview = { id: idOf(1), username: "ada", message: "message 1" };
    const answer = message(11, 2, { reply_to: idOf(1), reply_preview: preview });
    const { view } = seen(joined(10, [1]), answer, pinned(12, 1), edited(13, 1, "x".repeat(300)));
    expect(view.lines[1]?.reply_preview?.message).toBe("x".repeat(100));
    expect(view.pins[0]?.message).toBe("x".repeat(300));
    expect(view.lines[0]?.edited_at).not.toBeNull();
  });

  test("one's own: by account, by nonce, and in history as the server says", () => {
    const anonymous = { user_id: null, username: "Anonymous", anonymous: true } as const;
    const before = joined(10, [], {
      messages: [past(1, { user_id: 2 }), past(2, { ...anonymous, own: true }), past(3, anonymous)],
    });
    const { view } = seen(before, message(11, 4, { ...anonymous, nonce: "mine" }), message(12, 5, anonymous));
    expect(view.lines.map(({ own }) => own)).toEqual([false, true, false, true, false]);
    expect(view.lines.map(({ nonce }) => nonce)).toEqual([undefined, undefined, undefined, "mine", undefined]);
  });

  test("a guest owns nothing, anonymous messages least", () => {
    const page = history(1, [], { messages: [past(1, { user_id: null })] });
    expect(step(NOTHING, page, GUEST, 0).view.lines[0]?.own).toBe(false);
  });

  test("reactions are counted by the server, and one's own known by account or nonce", () => {
    const before = joined(10, [], {
      messages: [past(1, { reactions: [{ emoji: "👍", count: 300, user_ids: [2, 1] }] })],
    });
    expect(before.lines[0]?.reactions).toEqual([{ emoji: "👍", count: 300, own: true }]);
    const { view } = seen(
      before,
      reacted(11, 1, "👍", { count: 301 }),
      reacted(12, 1, "🎉", { user_id: null, nonce: "mine" }),
      reacted(13, 1, "👍", { user_id: 1, added: false, count: 300 }),
    );
    expect(view.lines[0]?.reactions).toEqual([
      { emoji: "👍", count: 300, own: false },
      { emoji: "🎉", count: 1, own: true },
    ]);
    const after = seen(view, reacted(14, 1, "🎉", { added: false, count: 0 })).view;
    expect(after.lines[0]?.reactions).toHaveLength(1);
  });

  test("a cleared channel is empty, a deleted one is gone", () => {
    const cleared = {
      type: "channel_cleared",
      channel_id: ROOM,
      rev: 12,
      channel: "x",
      cleared_by: "root",
      message_count: 2,
    } as const;
    const { view } = seen(joined(10, [1], { has_more: true }), pinned(11, 1), cleared);
    expect(view).toMatchObject({ lines: [], pins: [], hasMore: false, isGone: false });
    const gone = { type: "channel_deleted", channel_id: ROOM, rev: 13, channel: "x" } as const;
    expect(seen(view, gone).view.isGone).toBe(true);
  });
});

describe("history", () => {
  test("a snapshot replaces everything", () => {
    const before = seen(joined(10, [1, 2]), pinned(11, 1)).view;
    const { view, gaps } = seen(before, history(900, [800, 801], { has_more: true }), message(901, 802));
    expect(gaps).toEqual([]);
    expect(texts(view)).toEqual(["message 800", "message 801", "message 802"]);
    expect(view).toMatchObject({ rev: 901, pins: [], hasMore: true });
  });

  test("older messages go above", () => {
    const before: View = { ...joined(10, [5, 6], { has_more: true }), asked: [] };
    const { view, gaps } = seen(before, history(10, [3, 4], { before_id: idOf(5), has_more: true }));
    expect(gaps).toEqual([]);
    expect(view.lines.map(({ id }) => id)).toEqual([3, 4, 5, 6].map(idOf));
    expect(view).toMatchObject({ hasMore: true, asked: null });
  });

  test("what changed while they were on their way is applied to them, once", () => {
    const before: View = { ...joined(10, [5], { has_more: true }), asked: [] };
    const { view } = seen(
      before,
      deleted(11, 2),
      edited(12, 3, "new"),
      reacted(13, 4, "👍", { count: 2 }),
      message(14, 6),
      history(12, [2, 3, 4], { before_id: idOf(5) }),
    );
    // The page was made after the deletion and the edit: what it says of those is newer than they are.
    expect(texts(view)).toEqual(["message 2", "message 3", "message 4", "message 5", "message 6"]);
    expect(view.lines[2]?.reactions).toEqual([{ emoji: "👍", count: 2, own: false }]);
    const stale = seen(before, deleted(11, 2), history(10, [2, 3], { before_id: idOf(5) })).view;
    expect(texts(stale)).toEqual(["message 3", "message 5"]);
  });

  test("a page that was asked for before everything was replaced is left out", () => {
    const asked: View = { ...joined(10, [5]), asked: [] };
    const { view } = seen(asked, history(90, [80]), history(10, [3, 4], { before_id: idOf(5) }));
    expect(texts(view)).toEqual(["message 80"]);
  });

  test("is trimmed from above, and not while more of it is on its way", () => {
    const view = joined(10, [1, 2, 3]);
    expect(trimmed(view, 2)).toMatchObject({ hasMore: true, lines: [{ id: idOf(2) }, { id: idOf(3) }] });
    expect(trimmed(view, 3)).toBe(view);
    const asked: View = { ...view, asked: [] };
    expect(trimmed(asked, 2)).toBe(asked);
  });
});

describe("people", () => {
  const bob = { type: "user_joined", channel_id: ROOM, rev: 10, user_id: 2, username: "bob" } as const;
  const come = { ...bob, role: "user", anonymous: false } as const;

  test("come once and go once", () => {
    const { view } = seen(joined(10, []), come, come);
    expect(view.people).toMatchObject({ total: 1, users: [{ user_id: 2 }] });
    expect(seen(view, { ...bob, type: "user_left" }).view.people).toEqual({ users: [], total: 0, guests: 0 });
  });

  test("of many only the number is told again", () => {
    const list: RoomFrame = { type: "users", channel_id: ROOM, rev: 10, users: [], total: 500, guests: 3 };
    const { view } = seen(joined(10, []), come, list);
    expect(view.people).toMatchObject({ total: 500, guests: 3, users: [{ user_id: 2 }] });
  });

  test("those who are only counted go, too", () => {
    const list: RoomFrame = { type: "users", channel_id: ROOM, rev: 10, users: [], total: 500, guests: 3 };
    const { view } = seen(joined(10, []), list, { ...bob, type: "user_left" });
    expect(view.people).toEqual({ users: [], total: 499, guests: 3 });
  });

  test("type for 4 s, or until their message is there", () => {
    const typing = { type: "typing", channel_id: ROOM, rev: 10, user_id: 2, username: "bob" } as const;
    const { view } = seen(joined(10, []), typing, typing, { ...typing, username: "eve" });
    expect(view.typists.map(({ name }) => name)).toEqual(["bob", "eve"]);
    expect(quieted(view, 4_999)).toBe(view);
    expect(quieted(view, 5_000).typists).toEqual([]);
    expect(seen(view, message(11, 1, { username: "bob" })).view.typists.map(({ name }) => name)).toEqual(["eve"]);
  });
});
