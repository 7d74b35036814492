/** The one alarm of an object. */
import { beforeEach, expect, test } from "vitest";
import { Alarm } from "../../durable-objects/alarm.ts";

let written: (number | null)[] = [];
let fails = false;
let alarm: Alarm;

async function write(at: number | null): Promise<void> {
  if (fails) throw new Error("storage is away");
  written.push(at);
}

beforeEach(() => {
  [written, fails] = [[], false];
  alarm = new Alarm({ setAlarm: write, deleteAlarm: () => write(null) });
});

test("is the earliest of what is due, and written when that changes", async () => {
  await alarm.set(7, null, 5);
  await alarm.set(5);
  await alarm.set(null);
  await alarm.set();
  expect(written).toEqual([5, null]);
});

test("is written again for the same time when it has rung", async () => {
  await alarm.set(5);
  alarm.rang();
  await alarm.set(5);
  expect(written).toEqual([5, 5]);
});

test("a write that failed is no alarm: the next one for the same time is made", async () => {
  fails = true;
  await expect(alarm.set(5)).rejects.toThrow("storage is away");
  fails = false;
  await alarm.set(5);
  expect(written).toEqual([5]);
});
