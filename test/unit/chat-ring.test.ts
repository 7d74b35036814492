/** The newest changes of a room, kept ready: enough for whoever was away for a moment, and never much memory. */
import { expect, test } from "vitest";
import { CATCH_UP_MAX, Ring } from "../../durable-objects/chat/ring.ts";
import { upTo } from "../harness/chat-cast.ts";

const updates = (from: number, to: number, length = 10) =>
  upTo(from, to).map((rev) => ({ rev, frame: "x".repeat(length) }));
const revs = (ring: Ring, since: number, to: number) => ring.since(since, to)?.map(({ rev }) => rev) ?? null;

test("has at least as many as it should, in order", () => {
  const ring = new Ring(10);
  for (let rev = 1; rev <= 95; rev++) ring.push(updates(rev, rev));
  expect(revs(ring, 85, 95)).toEqual(upTo(86, 95));
  expect(revs(ring, 90, 93)).toEqual(upTo(91, 93));
  expect(revs(ring, 95, 95)).toEqual([]);
  expect(revs(ring, 20, 95)).toBeNull();
});

test("holds no more of long ones than a reader is given", () => {
  const ring = new Ring(500);
  const long = CATCH_UP_MAX / 64;
  for (let rev = 1; rev <= 400; rev++) ring.push(updates(rev, rev, long));
  const held = upTo(0, 399).filter((since) => revs(ring, since, 400) !== null);
  expect(held.length).toBeGreaterThanOrEqual(64);
  expect(held.length).toBeLessThanOrEqual(130);
  expect(revs(ring, 390, 400)).toEqual(upTo(391, 400));
});

test("has the newest, however long they are, and goes on", () => {
  const ring = new Ring(500);
  ring.push(updates(1, 5, 2 * CATCH_UP_MAX));
  expect(revs(ring, 4, 5)).toEqual([5]);
  expect(revs(ring, 3, 5)).toBeNull();
  ring.push(updates(6, 8));
  expect(revs(ring, 5, 8)).toEqual([6, 7, 8]);
});
