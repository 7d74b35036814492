/** `GET /api/stream/{key}/info`: what a viewer may know of a stream, and whether it is live. */
import { z } from "zod";

export const StreamInfo = z.object({
  public_key: z.string(),
  title: z.string(),
  /** 0 offline, 1 live, 2 encoding. */
  is_live: z.number(),
  viewer_count: z.number(),
  owner_username: z.string(),
  started_at: z.string().nullable(),
});
export type StreamInfo = z.infer<typeof StreamInfo>;

export type InfoReply =
  | { kind: "info"; info: StreamInfo }
  | { kind: "refused" }
  /** No answer, or none that makes sense. */
  | { kind: "unreachable" };

const TIMEOUT_MS = 8_000;

export async function loadInfo(url: string, get: typeof fetch = fetch): Promise<InfoReply> {
  try {
    const reply = await get(url, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (reply.status === 401 || reply.status === 403 || reply.status === 404) return { kind: "refused" };
    if (!reply.ok) return { kind: "unreachable" };
    return { kind: "info", info: StreamInfo.parse(await reply.json()) };
  } catch {
    // Offline, timed out, or not our server's JSON: for a viewer all the same.
    return { kind: "unreachable" };
  }
}
