/** What came on a socket: taken as a frame, or refused with a code and a sentence for its sender. */
import { describe, expect, test } from "vitest";
import { FRAME_MAX_BYTES, MESSAGE_MAX } from "#contract/chat";
import { type Parsed, parseClientFrame } from "../../durable-objects/chat/client-frame.ts";

const parse = (frame: unknown): Parsed => parseClientFrame(JSON.stringify(frame));
const taken = (frame: unknown) => {
  const parsed = parse(frame);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.frame;
};
const refused = (frame: unknown) => {
  const parsed = parse(frame);
  if (parsed.ok) throw new Error("it was taken");
  return parsed.fault;
};

describe("every type is taken", () => {
  test.each([
    { type: "join" },
    { type: "join", channel: "general" },
    { type: "join", channel_id: 7 },
    { type: "join", stream_key: "pub_1" },
    { type: "message", message: "hello", reply_to: 5, nonce: "a-1" },
    { type: "typing" },
    { type: "delete", message_id: 5, nonce: "a-1" },
    { type: "react", message_id: 5, emoji: "👍", nonce: "a-1" },
    { type: "edit_message", message_id: 5, message: "hello", nonce: "a-1" },
    { type: "pin_message", message_id: 5 },
    { type: "unpin_message", message_id: 5 },
    { type: "mark_read", message_id: 5 },
    { type: "history", before_id: 5, limit: 100 },
    { type: "resume", channel_id: 7, rev: 0, stream_key: "live_1" },
    { type: "synced", n: 1 },
    { type: "ping" },
  ])("$type", (frame) => {
    expect(taken(frame)).toEqual(frame);
  });

  test("fields that nobody knows are left out, not refused: `channel` of a message is one of the documented", () => {
    expect(taken({ type: "message", message: "hi", channel: "general" })).toEqual({ type: "message", message: "hi" });
  });

  test("a history frame without a limit asks for 50", () => {
    expect(taken({ type: "history", before_id: 5 })).toMatchObject({ limit: 50 });
  });
});

describe("what is no frame", () => {
  test.each<[string, string | ArrayBuffer, string, RegExp]>([
    ["bytes", new ArrayBuffer(8), "invalid", /text/],
    ["no JSON", "{", "invalid", /not JSON/],
    ["nothing", "", "invalid", /not JSON/],
    ["an array", "[]", "invalid", /JSON object/],
    ["a number", "1", "invalid", /JSON object/],
    ["null", "null", "invalid", /JSON object/],
    ["an unknown type", '{"type":"create_poll"}', "unknown_type", /no such type/],
    ["no type", "{}", "unknown_type", /no such type/],
    ["a type that is no text", '{"type":5}', "unknown_type", /no such type/],
    ["bytes that were not UTF-8", '{"type":"message","message":"\ufffd"}', "invalid", /UTF-8/],
  ])("%s", (_, data, code, sentence) => {
    const parsed = parseClientFrame(data);
    expect(parsed).toMatchObject({ ok: false, fault: { error_code: code } });
    if (!parsed.ok) expect(parsed.fault.message).toMatch(sentence);
  });

  test("a frame is measured in bytes, as it was sent", () => {
    const shell = JSON.stringify({ type: "typing", x: "" }).length;
    const frame = (text: string) => parse({ type: "typing", x: text });
    expect(frame("x".repeat(FRAME_MAX_BYTES - shell))).toMatchObject({ ok: true });
    expect(frame("x".repeat(FRAME_MAX_BYTES - shell + 1))).toMatchObject({ fault: { error_code: "too_large" } });
    expect(frame("ü".repeat(FRAME_MAX_BYTES / 2))).toMatchObject({ fault: { error_code: "too_large" } });
    expect(frame("日".repeat(FRAME_MAX_BYTES / 3 - shell))).toMatchObject({ ok: true });
  });
});

describe("what is wrong with a frame is named, with the nonce of its sender", () => {
  test.each<[unknown, RegExp]>([
    [{ type: "message" }, /^message must be text/],
    [{ type: "message", message: 5 }, /^message must be text/],
    [{ type: "message", message: " \r\n\t " }, /^message must not be empty/],
    [{ type: "message", message: "x".repeat(MESSAGE_MAX + 1) }, /^message must be at most 4000 characters/],
    [{ type: "message", message: "a\u0000b" }, /^message must not contain control characters/],
    [{ type: "message", message: "a\u009bb" }, /^message must not contain control characters/],
    [{ type: "message", message: "hi", reply_to: -1 }, /^reply_to must be a whole number above 0$/],
    [{ type: "message", message: "hi", reply_to: 2 ** 53 }, /^reply_to must be a whole number above 0$/],
    [{ type: "edit_message", message_id: 5, message: "" }, /^message must not be empty/],
    [{ type: "delete" }, /^message_id must be a whole number above 0$/],
    [{ type: "delete", message_id: "5" }, /^message_id must be a whole number above 0$/],
    [{ type: "react", message_id: 5, emoji: "" }, /^emoji must not be empty/],
    [{ type: "react", message_id: 5, emoji: "a b" }, /^emoji must be one emoji without spaces/],
    [{ type: "react", message_id: 5, emoji: "\u202e👍" }, /^emoji must be one emoji without spaces/],
    [{ type: "react", message_id: 5, emoji: "x".repeat(37) }, /^emoji must be at most 36 characters/],
    [{ type: "history", before_id: 5, limit: 101 }, /^limit must be a whole number from 1 to 100$/],
    [{ type: "resume", channel_id: 7, rev: -1 }, /^rev must be a whole number, 0 or more$/],
    [{ type: "join", channel_id: 0 }, /^channel_id must be a whole number above 0$/],
    [{ type: "join", channel: null }, /^channel must be text$/],
    [{ type: "join", stream_key: "x".repeat(201) }, /^stream_key must be at most 200 characters$/],
  ])("%j", (frame, sentence) => {
    const fault = refused({ nonce: "mine", ...(frame as object) });
    expect(fault).toMatchObject({ error_code: "invalid", nonce: "mine" });
    expect(fault.message).toMatch(sentence);
  });

  test("of an unknown type too", () => {
    expect(refused({ type: "shout", nonce: "mine" })).toMatchObject({ error_code: "unknown_type", nonce: "mine" });
  });

  test.each(["with space", "tilde~", "ünicode", "", "x".repeat(65)])("a nonce cannot be %j", (nonce) => {
    expect(refused({ type: "message", message: "hi", nonce }).message).toMatch(/^nonce must /);
  });

  test("a nonce that is no text, or too long for one, is not echoed", () => {
    expect(refused({ type: "message", message: "hi", nonce: 5 })).not.toHaveProperty("nonce");
    expect(refused({ type: "message", message: "hi", nonce: "x".repeat(1_000) })).not.toHaveProperty("nonce");
  });
});

describe("what somebody writes", () => {
  const written = (message: string) => {
    const frame = taken({ type: "message", message });
    return frame.type === "message" ? frame.message : null;
  };

  test("is trimmed, lines and tabs inside it stay, line ends become those of Unix", () => {
    expect(written("  a\r\n\tb\n ")).toBe("a\n\tb");
  });

  test("is counted in characters as people see them, not in UTF-16", () => {
    expect(written("😀".repeat(MESSAGE_MAX))).toBe("😀".repeat(MESSAGE_MAX));
    expect(refused({ type: "message", message: "😀".repeat(MESSAGE_MAX + 1) }).error_code).toBe("invalid");
  });

  test.each(["\u200b\u2060", "\u3164", "\u2800", "\u202e \u2066", "\ufe0f"])(
    "is not %j, which shows nothing",
    (blank) => {
      expect(refused({ type: "message", message: blank }).message).toBe("message must not be empty");
      expect(refused({ type: "react", message_id: 5, emoji: blank }).message).toMatch(/^emoji must be /);
      expect(written(`${blank}!`)).toBe(`${blank}!`.trim());
    },
  );

  test("is whole Unicode: half of a pair is replaced before anybody sees it", () => {
    expect(written("a\ud800b")).toBe("a\ufffdb");
  });

  test.each(["👍", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", ":party:", "+1", "日"])("%s is an emoji to react with", (emoji) => {
    expect(taken({ type: "react", message_id: 5, emoji })).toMatchObject({ emoji });
  });
});
