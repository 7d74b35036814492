/** What is on its way: in order, one at a time, and the same when it is sent again. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ErrorFrame } from "#contract/chat-frames";
import type { Saying } from "../../../web/chat/connection.ts";
import { lineOf } from "../../../web/chat/lines.ts";
import { type Entry, Outbox } from "../../../web/chat/outbox.ts";
import { shownLines } from "../../../web/chat/shown.ts";
import { ADA, idOf, past } from "./chat-scene.ts";

type Sent = Extract<Saying, { nonce?: string | undefined }>;

let sent: Sent[];
let isConnected: boolean;
let outbox: Outbox;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  isConnected = true;
  outbox = new Outbox({
    send(frame) {
      if (isConnected) sent.push(frame as Sent);
      return isConnected;
    },
    changed: () => undefined,
  });
  outbox.open(true);
});
afterEach(() => vi.useRealTimers());

const write = (message: string) => outbox.add({ kind: "message", message, reply: null });
const words = () => sent.map((frame) => ("message" in frame ? frame.message : frame.type));
const states = () => outbox.entries.map(({ state }) => state);
const refuse = (entry: Entry, error_code: ErrorFrame["error_code"], more: Partial<ErrorFrame> = {}) =>
  outbox.refuse({ type: "error", message: `no: ${error_code}`, error_code, nonce: entry.nonce, ...more });
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("order", () => {
  test("a message goes out when the one before it is confirmed", () => {
    const [one, two] = [write("one"), write("two")];
    write("three");
    expect(words()).toEqual(["one"]);
    outbox.discard(one.nonce);
    outbox.discard(two.nonce);
    expect(words()).toEqual(["one", "two", "three"]);
    expect(states()).toEqual(["sending"]);
  });

  test("changes of messages do not wait for messages", () => {
    write("one");
    const edit = outbox.add({ kind: "edit", message_id: idOf(1), message: "better" });
    outbox.add({ kind: "delete", message_id: idOf(2) });
    expect(words()).toEqual(["one", "better"]);
    outbox.discard(edit.nonce);
    expect(words()).toEqual(["one", "better", "delete"]);
  });

  test("an answer to what is gone may go out as a message of its own", () => {
    const reply = { id: idOf(1), username: "bob", message: "gone" };
    const entry = outbox.add({ kind: "message", message: "an answer", reply });
    refuse(entry, "not_found");
    outbox.retry(entry.nonce);
    expect(sent).toEqual([
      { type: "message", message: "an answer", nonce: entry.nonce, reply_to: reply.id },
      { type: "message", message: "an answer", nonce: entry.nonce },
    ]);
  });

  test("one that fails lets the next one go", () => {
    const one = write("one");
    write("two");
    refuse(one, "forbidden");
    expect(words()).toEqual(["one", "two"]);
    expect(states()).toEqual(["failed", "sending"]);
  });

  test("every nonce is another one that the contract takes", () => {
    const nonces = Array.from({ length: 100 }, () => write("x").nonce);
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]{22}$/);
  });
});

describe("a connection that is lost", () => {
  test("what was not confirmed goes out again in order, under the same nonces", () => {
    const entries = [write("one"), write("two"), write("three")];
    outbox.shut();
    write("four");
    expect(states()).toEqual(Array(4).fill("sending"));
    sent = [];
    outbox.open(true);
    for (const { nonce } of entries) outbox.discard(nonce);
    expect(words()).toEqual(["one", "two", "three", "four"]);
    expect(sent.slice(0, 3).map(({ nonce }) => nonce)).toEqual(entries.map(({ nonce }) => nonce));
  });

  test("what the catching up confirmed does not go out again", () => {
    const one = write("one");
    write("two");
    outbox.shut();
    sent = [];
    outbox.discard(one.nonce);
    expect(words()).toEqual([]);
    outbox.open(true);
    expect(words()).toEqual(["two"]);
  });

  test("nothing fails while there is none", async () => {
    write("one");
    outbox.shut();
    await wait(3_600_000);
    expect(states()).toEqual(["sending"]);
  });

  test("beyond what the room remembers it is asked, not sent twice; what was never sent goes", async () => {
    write("one");
    outbox.shut();
    isConnected = false;
    write("two");
    await wait(9 * 60_000 + 1);
    isConnected = true;
    sent = [];
    outbox.open(false);
    expect(outbox.entries[0]).toMatchObject({
      state: "failed",
      problem: "It may have been done: look before you try again.",
    });
    expect(words()).toEqual(["two"]);
  });

  test("every change since was heard: then what it did not confirm was not done", async () => {
    write("one");
    outbox.shut();
    await wait(3_600_000);
    outbox.open(true);
    expect(words()).toEqual(["one", "one"]);
  });
});

describe("failures", () => {
  test("no answer within 20 s", async () => {
    const one = write("one");
    await wait(19_999);
    expect(states()).toEqual(["sending"]);
    await wait(1);
    expect(outbox.entries[0]).toMatchObject({ state: "failed", problem: "The server did not answer." });
    outbox.retry(one.nonce);
    expect(sent.map(({ nonce }) => nonce)).toEqual([one.nonce, one.nonce]);
    expect(states()).toEqual(["sending"]);
    outbox.discard(one.nonce);
    expect(states()).toEqual([]);
  });

  test("what nobody answered goes out again by itself when the connection was lost", async () => {
    const one = write("one");
    await wait(20_000);
    expect(states()).toEqual(["failed"]);
    outbox.shut();
    expect(states()).toEqual(["sending"]);
    outbox.open(true);
    expect(sent.map(({ nonce }) => nonce)).toEqual([one.nonce, one.nonce]);
  });

  test("a refusal keeps the text and says why; a late confirmation still counts", () => {
    const one = write("one");
    expect(refuse(one, "readonly")).toBe(true);
    expect(outbox.entries[0]).toMatchObject({ state: "failed", problem: "no: readonly", action: { message: "one" } });
    outbox.discard(one.nonce);
    expect(outbox.entries).toEqual([]);
    expect(refuse(one, "readonly")).toBe(false);
  });

  test("too many at once: it and all after it go out later, in order", async () => {
    const one = write("one");
    write("two");
    refuse(one, "rate_limited", { retry_after: 3 });
    expect(outbox.entries[0]).toMatchObject({ state: "sending", problem: "no: rate_limited" });
    await wait(2_999);
    expect(words()).toEqual(["one"]);
    await wait(1);
    outbox.discard(one.nonce);
    expect(words()).toEqual(["one", "one", "two"]);
  });

  test("slow mode: it says until when", () => {
    const one = write("one");
    refuse(one, "slowmode", { cooldown_remaining: 30 });
    expect(outbox.entries[0]).toMatchObject({ state: "failed", notBefore: Date.now() + 30_000 });
  });

  test("a server that is away for a moment is tried again, and not for ever", async () => {
    const one = write("one");
    for (let waited = 0; waited < 20; waited += 2) {
      refuse(one, "unavailable");
      expect(states()).toEqual(["sending"]);
      await wait(2_000);
    }
    refuse(one, "unavailable");
    expect(states()).toEqual(["failed"]);
  });

  test("a pause of one lane is not ended by an answer that comes late", async () => {
    const one = write("one");
    await wait(20_000);
    const two = write("two");
    refuse(one, "rate_limited", { retry_after: 1 });
    expect(states()).toEqual(["failed", "sending"]);
    outbox.discard(two.nonce);
    expect(words()).toEqual(["one", "two"]);
  });

  test("deleting what is gone is done", () => {
    const entry = outbox.add({ kind: "delete", message_id: idOf(1) });
    refuse(entry, "not_found");
    expect(outbox.entries).toEqual([]);
  });

  test("a message that was sent, and deleted since, is done", () => {
    refuse(write("one"), "deleted");
    expect(outbox.entries).toEqual([]);
  });
});

describe("what is shown of it", () => {
  const reader = { me: 1, sent: () => false };
  const lines = [lineOf(past(1), reader), lineOf(past(2), reader)];
  const shown = () => shownLines(lines, outbox.entries, ADA);

  test("lines without anything on its way stay the same objects", () => {
    expect(shown()[0]).toBe(shown()[0]);
    write("new");
    expect(shown()[0]).toBe(shownLines(lines, [], ADA)[0]);
  });

  test("a message at the end, as sending and then as failed", () => {
    const entry = write("new");
    expect(shown().at(-1)).toMatchObject({ isSent: false, line: { message: "new", username: "ada", own: true } });
    refuse(entry, "forbidden");
    expect(shown().at(-1)?.entries[0]?.state).toBe("failed");
  });

  test("an edit, a reaction and a pin at once; as it was when they failed", () => {
    const all = [
      outbox.add({ kind: "edit", message_id: idOf(2), message: "better" }),
      outbox.add({ kind: "react", message_id: idOf(2), emoji: "🎉" }),
      outbox.add({ kind: "pin", message_id: idOf(2) }),
    ];
    expect(shown()[1]?.line).toMatchObject({
      message: "better",
      pinned: true,
      reactions: [{ emoji: "🎉", count: 1, own: true }],
    });
    outbox.add({ kind: "react", message_id: idOf(2), emoji: "🎉" });
    expect(shown()[1]?.line.reactions).toEqual([]);
    for (const entry of all) refuse(entry, "forbidden");
    expect(shown()[1]?.line).toMatchObject({ message: "message 2", pinned: false });
  });

  test("what was done to a message that is gone shows nowhere", () => {
    outbox.add({ kind: "react", message_id: idOf(9), emoji: "🎉" });
    expect(shown()).toHaveLength(2);
  });
});
