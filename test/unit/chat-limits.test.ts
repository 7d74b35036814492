/** How much one person and one socket may say. */
import { describe, expect, test } from "vitest";
import { FrameLimit, MessageLimit } from "../../durable-objects/chat/limits.ts";

const T0 = 1_000_000;

describe("messages of one person", () => {
  const sendFive = (limit: MessageLimit) => [0, 100, 200, 300, 400].map((after, n) => limit.take(`n${n}`, T0 + after));

  test("five in 5 s are taken, the sixth waits until the first is 5 s old", () => {
    const limit = new MessageLimit();
    expect(sendFive(limit)).toEqual([0, 0, 0, 0, 0]);
    expect(limit.take("n5", T0 + 1_000)).toBe(4_000);
    expect(limit.take("n5", T0 + 4_999)).toBe(1);
    expect(limit.take("n5", T0 + 5_000)).toBe(0);
    expect(limit.take("n6", T0 + 5_000)).toBe(100);
  });

  test("one that was refused does not count", () => {
    const limit = new MessageLimit();
    sendFive(limit);
    for (let n = 0; n < 20; n++) limit.take(`refused${n}`, T0 + 500);
    expect(limit.take("n5", T0 + 5_000)).toBe(0);
  });

  test("a resend under a nonce that was counted is free, also when no more are taken", () => {
    const limit = new MessageLimit();
    sendFive(limit);
    expect([limit.take("n0", T0 + 500), limit.take("n4", T0 + 500)]).toEqual([0, 0]);
    expect(limit.take("n5", T0 + 500)).toBeGreaterThan(0);
  });

  test("without a nonce each counts", () => {
    const limit = new MessageLimit(2);
    expect([1, 2, 3].map(() => limit.take(undefined, T0) > 0)).toEqual([false, false, true]);
  });

  test("a clock that is set back locks nobody out", () => {
    const limit = new MessageLimit(1);
    limit.take("a", T0);
    expect(limit.take("b", T0 - 3_600_000)).toBe(0);
  });
});

describe("frames of one socket", () => {
  const take = (limit: FrameLimit, count: number, now: number) => Array.from({ length: count }, () => limit.take(now));
  const count = (answers: string[], answer: string) => answers.filter((each) => each === answer).length;

  test("60 at once are taken, then 20 a second", () => {
    const limit = new FrameLimit();
    expect(count(take(limit, 60, T0), "ok")).toBe(60);
    expect(limit.take(T0)).toBe("told");
    expect(count(take(limit, 60, T0 + 1_000), "ok")).toBe(20);
    expect(limit.take(T0 + 1_050)).toBe("ok");
  });

  test("who sends too many is told so once a second", () => {
    const limit = new FrameLimit();
    take(limit, 60, T0);
    expect(take(limit, 4, T0)).toEqual(["told", "refused", "refused", "refused"]);
    expect(count(take(limit, 30, T0 + 999), "told")).toBe(0);
    expect(count(take(limit, 30, T0 + 1_001), "told")).toBe(1);
  });

  test("after a thousand refused ones it is a flood", () => {
    const limit = new FrameLimit();
    take(limit, 60, T0);
    const answers = take(limit, 1_001, T0);
    expect([count(answers.slice(0, 1_000), "flood"), answers[1_000]]).toEqual([0, "flood"]);
  });

  test("a pause forgives", () => {
    const limit = new FrameLimit();
    take(limit, 60 + 900, T0);
    expect(count(take(limit, 900, T0 + 1_500), "flood")).toBe(0);
  });

  test("a clock that is set back lets nobody through, and locks nobody out", () => {
    const limit = new FrameLimit();
    take(limit, 61, T0);
    expect(limit.take(T0 - 60_000)).toBe("told");
    expect(limit.take(T0 - 59_000)).toBe("ok");
  });
});
