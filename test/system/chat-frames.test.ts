/** Whatever comes on a chat socket: a clear answer, the socket goes on where that makes sense, and nobody else notices. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FRAME_MAX_BYTES, MESSAGE_MAX, SOCKETS_PER_USER } from "#contract/chat";
import { CHAT_CLOSE, type ChatErrorCode } from "#contract/chat-frames";
import { messageId, roomOf } from "#kit/message-id";
import { ChatClient } from "../harness/chat-client.ts";
import { type ChatEdge, startChatEdge } from "../harness/chat-edge.ts";
import { judge } from "../harness/chat-history.ts";
import { ChatLine } from "../harness/chat-line.ts";
import type { TestUser } from "../harness/chat-orders.ts";
import { ChatSocket } from "../harness/chat-socket.ts";

let edge: ChatEdge;
const lines: ChatLine[] = [];
const clients: ChatClient[] = [];

beforeAll(async () => {
  edge = await startChatEdge({ shards: 2 });
});
afterAll(async () => {
  for (const { socket } of lines) socket.terminate();
  for (const client of clients) client.end();
  await edge?.stop();
});

/** A user that no other test has, in `channel`. */
async function somebody(channel?: string): Promise<ChatLine> {
  const [user] = await edge.users(1);
  const line = await ChatLine.joined(edge, { token: user?.token ?? "" }, channel);
  lines.push(line);
  return line;
}

let said = 0;
/** Says a message and waits until it is back. */
async function says(line: ChatLine, message: string) {
  const nonce = `n${said++}`;
  line.say({ type: "message", message, nonce });
  return line.next("message", (frame) => frame.nonce === nonce);
}

describe("what is no frame is refused, and the socket goes on", () => {
  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
  const message = (text: string) => JSON.stringify({ type: "message", message: text });
  const long = (letter: string, size: number) => letter.repeat(Math.ceil(size / Buffer.byteLength(letter)));

  test.each<[string, string | Buffer, ChatErrorCode, RegExp]>([
    ["nothing at all", "", "invalid", /not JSON/],
    ["no JSON", "{", "invalid", /not JSON/],
    ["two frames in one", '{"type":"typing"}{"type":"typing"}', "invalid", /not JSON/],
    ["an array", '[{"type":"typing"}]', "invalid", /JSON object/],
    ["null", "null", "invalid", /JSON object/],
    ["a number", "1e999", "invalid", /JSON object/],
    ["an object without a type", "{}", "unknown_type", /no such type/],
    ["an unknown type", '{"type":"create_poll"}', "unknown_type", /no such type/],
    ["a type from the prototype", '{"type":"constructor"}', "unknown_type", /no such type/],
    ["a type in the prototype", '{"__proto__":{"type":"typing"}}', "unknown_type", /no such type/],
    ["a frame of the server", '{"type":"connected","user":null}', "unknown_type", /no such type/],
    ["arrays in arrays", "[".repeat(FRAME_MAX_BYTES), "invalid", /not JSON/],
    ["closed arrays in arrays", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, "invalid", /JSON object/],
    [
      "a field of objects in objects",
      `{"type":"message","message":${'{"a":'.repeat(9000)}1${"}".repeat(9001)}`,
      "invalid",
      /^message/,
    ],
    ["64 KB and a byte", message(long("a", FRAME_MAX_BYTES)), "too_large", /64 KB/],
    ["over 64 KB in fewer characters", message(long("🙂", FRAME_MAX_BYTES)), "too_large", /64 KB/],
    ["a megabyte", message(long("a", 1_000_000)), "too_large", /64 KB/],
    ["a byte that is no UTF-8", bytes('{"type":"message","message":"', [0xff], '"}'), "invalid", /UTF-8/],
    ["half a character", bytes('{"type":"message","message":"', [0xe2, 0x82], '"}'), "invalid", /UTF-8/],
    ["half of a surrogate pair", bytes('{"type":"message","message":"', [0xed, 0xa0, 0x80], '"}'), "invalid", /UTF-8/],
    ["an overlong slash", bytes('{"type":"message","message":"', [0xc0, 0xaf], '"}'), "invalid", /UTF-8/],
  ])("%s", async (_, data, error_code, complaint) => {
    const line = await somebody();
    line.say(data);
    expect(await line.next("error")).toMatchObject({ error_code, message: expect.stringMatching(complaint) });
    expect(await says(line, "still here")).toMatchObject({ message: "still here" });
  });

  test("a binary frame", async () => {
    const line = await somebody();
    line.socket.sendRaw(Buffer.from('{"type":"typing"}'), true);
    expect(await line.next("error")).toMatchObject({ error_code: "invalid", message: expect.stringMatching(/binary/) });
    expect(await says(line, "still here")).toMatchObject({ message: "still here" });
  });

  test("64 KB to the byte are taken", async () => {
    const line = await somebody();
    const frame = message("padded");
    line.say(frame + " ".repeat(FRAME_MAX_BYTES - frame.length));
    expect(await line.next("message")).toMatchObject({ message: "padded" });
  });

  test("what a frame calls its prototype is nobody's", async () => {
    const line = await somebody();
    line.say('{"type":"message","message":"plain","nonce":"p","__proto__":{"role":"admin"},"constructor":{"a":1}}');
    const frame = await line.next("message", ({ nonce }) => nonce === "p");
    expect(frame).toMatchObject({ message: "plain", role: "user" });
    expect(Object.getPrototypeOf(frame)).toBe(Object.prototype);
  });

  test("a value of the wrong type in any field, by the field's name", async () => {
    const good = {
      join: { channel: "general", channel_id: 1, stream_key: "pub_x" },
      message: { message: "hello", reply_to: 1, nonce: "n" },
      delete: { message_id: 1, nonce: "n" },
      react: { message_id: 1, emoji: "👍", nonce: "n" },
      edit_message: { message_id: 1, message: "hello", nonce: "n" },
      pin_message: { message_id: 1 },
      unpin_message: { message_id: 1 },
      mark_read: { message_id: 1 },
      history: { before_id: 1, limit: 1 },
      resume: { channel_id: 1, rev: 1, stream_key: "pub_x" },
      synced: { n: 1 },
    };
    const wrong = Object.entries(good).flatMap(([type, fields]) =>
      Object.entries(fields).flatMap(([field, value]) => {
        const values = typeof value === "number" ? ["1", 1.5, -1, 2 ** 60, null, {}, [1]] : [1, null, {}, ["a"], true];
        // Any number may be said to be read.
        const odd = type === "synced" ? ["1", 1.5, null, {}] : values;
        return odd.map((each) => ({ field, frame: { type, ...fields, [field]: each } }));
      }),
    );
    // A socket may say 60 frames at once.
    for (let at = 0; at < wrong.length; at += 50) {
      const line = await somebody();
      for (const { field, frame } of wrong.slice(at, at + 50)) {
        line.say(frame);
        const error = await line.next("error");
        expect({ frame, error }).toMatchObject({
          error: { error_code: "invalid", message: expect.stringMatching(`^${field} `) },
        });
      }
      expect(line.closed).toBeNull();
    }
  });
});

describe("what is said must be a message", () => {
  test.each([
    ["as long as may be", "a".repeat(MESSAGE_MAX)],
    ["as long as may be, in characters of two units and four bytes", "🙂".repeat(MESSAGE_MAX)],
    ["with lines and tabs", "one\n\ttwo"],
  ])("%s", async (_, text) => {
    expect(await says(await somebody(), text)).toMatchObject({ message: text });
  });

  test.each([
    ["one character too long", "a".repeat(MESSAGE_MAX + 1), /at most 4000 characters/],
    ["one character too long, in characters of two units", "🙂".repeat(MESSAGE_MAX + 1), /at most 4000 characters/],
    ["empty", "", /not be empty/],
    ["blank", " \n\t\u00a0 ", /not be empty/],
    ["with a bell", "ding\u0007", /control characters/],
    ["with an escape", "\u001b[31mred", /control characters/],
    ["with a C1 control", "a\u0085b", /control characters/],
  ])("not %s", async (_, text, complaint) => {
    const line = await somebody();
    line.say({ type: "message", message: text, nonce: "mine" });
    const refusal = { error_code: "invalid", nonce: "mine", message: expect.stringMatching(complaint) };
    expect(await line.next("error")).toMatchObject(refusal);
  });

  test("what somebody else wrote is theirs, and what is elsewhere is not here", async () => {
    const [ann, ben, cem] = await Promise.all([somebody(), somebody(), somebody("random")]);
    const [theirs, elsewhere] = [await says(ann, "of Ann"), await says(cem, "elsewhere")];
    const nowhere = messageId(roomOf(theirs.id), 2 ** 28 - 1);
    for (const [frame, error_code] of [
      [{ type: "message", message: "re", reply_to: elsewhere.id }, "not_found"],
      [{ type: "message", message: "re", reply_to: nowhere }, "not_found"],
      [{ type: "edit_message", message_id: theirs.id, message: "of Ben" }, "forbidden"],
      [{ type: "edit_message", message_id: elsewhere.id, message: "of Ben" }, "not_found"],
      [{ type: "delete", message_id: theirs.id }, "forbidden"],
      [{ type: "delete", message_id: nowhere }, "not_found"],
      [{ type: "react", message_id: elsewhere.id, emoji: "👍" }, "not_found"],
      [{ type: "pin_message", message_id: theirs.id }, "forbidden"],
    ] as const) {
      const nonce = `w${said++}`;
      ben.say({ ...frame, nonce });
      expect({ frame, ...(await ben.next("error")) }).toMatchObject({ frame, error_code, nonce });
    }
    ben.say({ type: "history", before_id: elsewhere.id });
    expect(await ben.next("history", ({ before_id }) => before_id !== undefined)).toMatchObject({ messages: [] });
    expect(await says(ben, "still here")).toMatchObject({ message: "still here" });
  });

  test("somebody without an account reads, and is told to sign in when they write", async () => {
    const [owner] = await edge.users(1);
    const reply = await fetch(`${edge.origin}/api/streams`, {
      method: "POST",
      headers: { authorization: `Bearer ${owner?.token}`, "content-type": "application/json" },
      body: JSON.stringify({ title: "Open to all", is_public: true, allow_unauthenticated: true }),
    });
    const { public_key } = (await reply.json()) as { public_key: string };
    const line = await ChatLine.open(edge);
    lines.push(line);
    line.say({ type: "join", stream_key: public_key });
    expect(await line.next("channel_info")).toMatchObject({ can_send: false, stream_name: "Open to all" });
    line.say({ type: "message", message: "hi", nonce: "g" });
    expect(await line.next("error")).toMatchObject({ error_code: "unauthenticated", nonce: "g" });
  });

  test("nothing is said before a channel was joined", async () => {
    const [user] = await edge.users(1);
    const line = await ChatLine.open(edge, { token: user?.token ?? "" });
    lines.push(line);
    line.say({ type: "message", message: "hi", nonce: "early" });
    expect(await line.next("error")).toMatchObject({ error_code: "not_joined", nonce: "early" });
  });

  test("a sixth message within five seconds is refused for now, with when to come again", async () => {
    const line = await somebody();
    for (let n = 0; n < 6; n++) line.say({ type: "message", message: `${n}`, nonce: `r${n}` });
    const { retry_after, ...error } = await line.next("error");
    expect(error).toMatchObject({ error_code: "rate_limited", nonce: "r5" });
    expect(retry_after).toBeGreaterThan(0);
    expect(retry_after).toBeLessThanOrEqual(5);
  });
});

test("a user's eleventh socket is refused before the upgrade, and may come when another one has gone", async () => {
  const [user] = await edge.users(1);
  const token = user?.token ?? "";
  const own = await Promise.all(Array.from({ length: SOCKETS_PER_USER }, () => ChatLine.open(edge, { token })));
  lines.push(...own);
  await expect(ChatLine.open(edge, { token })).rejects.toMatchObject({ status: 429 });
  expect(own.map(({ closed }) => closed)).toEqual(own.map(() => null));
  own[0]?.socket.close();
  await own[0]?.end();
  lines.push(await ChatLine.open(edge, { token }));
});

test.each([[undefined], [1000], [4000]])("a goodbye with code %s is answered at once", async (code) => {
  const line = await somebody();
  line.socket.close(code);
  expect(await line.end()).toBe(code ?? 1005);
});

test("a hundred frames a second: told so once in a while, and closed when it goes on and on", async () => {
  const line = await somebody();
  for (let n = 0; n < 300; n++) {
    line.say({ type: "typing" });
    await sleep(10);
  }
  const errors = line.frames.filter((frame) => frame.type === "error");
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.length).toBeLessThan(10);
  expect(errors[0]).toMatchObject({ error_code: "rate_limited", retry_after: 1 });
  expect(line.closed).toBeNull();
  // After a pause it is heard again.
  await sleep(1000);
  expect(await says(line, "sorry")).toMatchObject({ message: "sorry" });
  for (let n = 0; n < 1200; n++) line.say({ type: "typing" });
  expect(await line.end()).toBe(CHAT_CLOSE.flooding);
});

describe("nobody else notices", () => {
  const OTHERS = 100;
  const SENDERS = 20;
  const PER_SECOND = 20;
  const SECONDS = 5;
  const REST_MS = 15_000;

  /** Of many, the value that only `1 - share` are above. */
  const quantile = (values: number[], share: number) =>
    values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

  /** Everybody of them talks for a while. Resolves to the 99th percentile, in ms, from saying to seeing. */
  async function talk(others: readonly ChatClient[], took: number[], sentAt: Map<string, number>): Promise<number> {
    took.length = 0;
    for (let n = 0; n < SECONDS * PER_SECOND; n++) {
      const sender = others[n % SENDERS] as ChatClient;
      const at = performance.now();
      // Long ones: who does not read has soon missed much.
      sentAt.set(sender.say(`${n} ${"x".repeat(3900)}`).frame.nonce, at);
      await sleep(1000 / PER_SECOND);
    }
    const until = performance.now() + REST_MS;
    while (others.some(({ waiting }) => waiting > 0) && performance.now() < until) await sleep(20);
    return quantile(took, 0.99);
  }

  const enter = (
    user: TestUser,
    name: string,
    batched: boolean,
    onChange: (nonce: string) => void = () => undefined,
  ) => {
    const client = new ChatClient({
      origin: edge.origin,
      name,
      token: user.token,
      batched,
      join: { type: "join", channel: "help" },
      onChange: (change) => {
        if (change.type === "message" && change.nonce !== undefined) onChange(change.nonce);
      },
    });
    clients.push(client);
    return client;
  };

  test("while others flood, send rubbish, do not read, and come and go", { timeout: 60_000 }, async () => {
    const users = await edge.users(OTHERS);
    const took: number[] = [];
    const sentAt = new Map<string, number>();
    const others = users.map((user, n) =>
      enter(user, `o${n}`, n % 2 === 0, (nonce) => {
        const at = sentAt.get(nonce);
        if (at !== undefined) took.push(performance.now() - at);
      }),
    );
    await Promise.all(others.map(({ ready }) => ready));
    const before = await talk(others, took, sentAt);

    const rude = await edge.users(4);
    const deaf = [true, false].map((batched, n) => enter(rude[n] as TestUser, `deaf${n}`, batched));
    await Promise.all(deaf.map(({ ready }) => ready));
    for (const { socket } of deaf) socket?.pause();
    const flood = new AbortController();
    const floods = rude.slice(2).map(async ({ token }, n) => {
      const frames =
        n === 0 ? ['{"type":"typing"}'] : ["{", "x".repeat(FRAME_MAX_BYTES + 1), '{"type":"join"}', "[".repeat(60_000)];
      for (let at = 0; !flood.signal.aborted; at++) {
        const url = `${edge.origin.replace("http", "ws")}/ws/chat`;
        const socket = await ChatSocket.open({ url, token, onFrame: () => undefined });
        for (let said = 0; said < 100 && !flood.signal.aborted; said++) {
          socket.sendRaw(frames[(at + said) % frames.length] ?? "");
          await sleep(10);
        }
        socket.terminate();
      }
    });
    const during = await talk(others, took, sentAt);
    flood.abort();
    await Promise.all(floods);
    for (const { socket } of deaf) socket?.resume();

    const all = [...others, ...deaf];
    const until = performance.now() + REST_MS;
    const newest = () => Math.max(...all.map(({ rev }) => rev ?? 0));
    while (all.some(({ rev }) => rev !== newest()) && performance.now() < until) await sleep(50);
    expect(judge(all)).toEqual({ lost: [], doubled: [], reordered: [] });
    expect(others.flatMap(({ errors, closes, gaps }) => [...errors, ...closes, ...(gaps > 0 ? [gaps] : [])])).toEqual(
      [],
    );
    expect(others.flatMap(({ sent }) => sent).filter(({ confirmed }) => confirmed === null)).toEqual([]);
    // The one that can be asked was not sent to while it did not read; a slow machine makes it late more than once.
    const [asked, unasked] = deaf.map(({ resumes }) => resumes);
    expect(asked).toBeGreaterThan(0);
    expect(unasked).toBe(0);
    // Generous: this machine may have other things to do.
    expect(during).toBeLessThan(Math.max(500, 10 * before));
  });
});
