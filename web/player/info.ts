/** `GET /api/stream/{key}/info`: what a viewer may know of a stream, and whether it is live. */
import { StreamInfo as Whole } from "#contract/streams";

/** The part that players use: an older player outlives what the rest turns into. */
const StreamInfo = Whole.pick({
  public_key: true,
  title: true,
  is_live: true,
  viewer_count: true,
  owner_username: true,
  started_at: true,
});
export type StreamInfo = Pick<Whole, keyof typeof StreamInfo.shape>;

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
