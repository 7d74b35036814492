/** Ids of messages: from one number back to its room and its place there. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { messageId, roomOf, SEQ_MAX, seqOf } from "#kit/message-id";

/** Above, ids would be no exact numbers any more. */
const ROOM_MAX = 2 ** 25 - 1;

test("every room and seq comes back from its id, and ids are exact integers", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: ROOM_MAX }), fc.integer({ min: 1, max: SEQ_MAX }), (room, seq) => {
      const id = messageId(room, seq);
      expect(Number.isSafeInteger(id)).toBe(true);
      expect([roomOf(id), seqOf(id)]).toEqual([room, seq]);
    }),
  );
});

test("where 32-bit operators would wrap", () => {
  const id = messageId(ROOM_MAX, SEQ_MAX);
  expect(id).toBe(Number.MAX_SAFE_INTEGER);
  expect([roomOf(id), seqOf(id)]).toEqual([ROOM_MAX, SEQ_MAX]);
});

test("ids of a room rise with seq, and the last of one room is below the first of the next", () => {
  expect(messageId(3, 2)).toBe(messageId(3, 1) + 1);
  expect(messageId(4, 0)).toBe(messageId(3, SEQ_MAX) + 1);
});
