/** The frames of a media worker's link, as text on its socket. */
import type { Connection, WSMessage } from "partyserver";
import { z } from "zod";
import { type DownFrame, LINK_CLOSE, LINK_VERSION, UpFrame } from "#contract/media";

const FRAME_MAX_CHARACTERS = 1 << 20;

export type ParsedFrame = { ok: true; frame: UpFrame } | { ok: false; code: number; reason: string };

/** A worker that speaks another version is told so before its frame is held against our schema. */
const VersionedHello = z.object({ type: z.literal("hello"), version: z.number() });

export function parseFrame(message: WSMessage): ParsedFrame {
  const bad = (reason: string): ParsedFrame => ({ ok: false, code: LINK_CLOSE.badFrame, reason });
  if (typeof message !== "string") return bad("frames are text");
  if (message.length > FRAME_MAX_CHARACTERS) return bad("the frame is too large");
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return bad("the frame is not JSON");
  }
  const hello = VersionedHello.safeParse(value);
  if (hello.success && hello.data.version !== LINK_VERSION) {
    const reason = `link version ${hello.data.version} is not spoken here, ${LINK_VERSION} is`;
    return { ok: false, code: LINK_CLOSE.unsupportedVersion, reason };
  }
  const frame = UpFrame.safeParse(value);
  if (frame.success) return { ok: true, frame: frame.data };
  const [issue] = frame.error.issues;
  // A close reason holds 123 bytes.
  return bad(`bad frame: ${issue?.path.join(".")} ${issue?.message}`.replace(/[^ -~]/g, "?").slice(0, 120));
}

export function send(connection: Connection, frame: DownFrame): void {
  connection.send(JSON.stringify(frame));
}
