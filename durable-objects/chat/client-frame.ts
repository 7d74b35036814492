/** What came on a socket, as a frame, or what is wrong with it in words for its sender. */
import { FRAME_MAX_BYTES, NONCE_MAX } from "#contract/chat";
import { type ChatErrorCode, ClientFrame } from "#contract/chat-frames";

export type FrameFault = { error_code: ChatErrorCode; message: string; nonce?: string };
export type Parsed = { ok: true; frame: ClientFrame } | { ok: false; fault: FrameFault };

const bad = (error_code: ChatErrorCode, message: string, nonce?: string): Parsed => ({
  ok: false,
  fault: { error_code, message, ...(nonce !== undefined && { nonce }) },
});

export function parseClientFrame(data: string | ArrayBuffer): Parsed {
  if (typeof data !== "string") return bad("invalid", "Frames are text, this one was binary");
  if (isTooLarge(data)) return bad("too_large", `A frame holds at most ${FRAME_MAX_BYTES / 1024} KB`);
  // The runtime puts this in place of bytes that are not UTF-8.
  if (data.includes("\ufffd")) return bad("invalid", "The frame is not valid UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return bad("invalid", "The frame is not JSON");
  }
  const parsed = ClientFrame.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const nonce = nonceOf(value);
  const [issue] = parsed.error.issues;
  if (issue?.code === "invalid_union" || issue?.path.length === 0) {
    const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
    if (!isObject) return bad("invalid", "A frame is a JSON object with a type");
    return bad("unknown_type", "There is no such type of frame", nonce);
  }
  return bad("invalid", `${issue?.path.join(".")} ${issue?.message}`, nonce);
}

/** So that the sender knows which frame failed. */
function nonceOf(value: unknown): string | undefined {
  if (value === null || typeof value !== "object" || !("nonce" in value)) return undefined;
  const { nonce } = value;
  return typeof nonce === "string" && nonce.length <= NONCE_MAX ? nonce : undefined;
}

const isTooLarge = (text: string): boolean =>
  text.length > FRAME_MAX_BYTES ||
  (text.length * 3 > FRAME_MAX_BYTES && new TextEncoder().encode(text).length > FRAME_MAX_BYTES);
