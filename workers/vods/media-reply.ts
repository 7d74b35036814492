/** What the replies with a VOD's media have in common. */
import type { Visibility } from "#contract/vods";

/** What of a request matters to media. */
export type Wanted = {
  method: string;
  range: string | undefined;
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  gzip: boolean;
  /** The viewer went away. */
  signal: AbortSignal;
};

/** For scripts of other sites, which see few headers otherwise. */
export const EXPOSED = { "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag" };

/**
 * How long one presigned address is handed out, and how long it is good for: far longer than players keep it, because
 * one that pauses may go on with what it has.
 */
const REDIRECT_MAX_AGE_S = 600;
export const REDIRECT_LIFETIME_S = 6 * 3600;

/** Shared caches keep only what anybody may find. */
export const cacheable = (visibility: Visibility, directives: string) =>
  `${visibility === "public" ? "public" : "private"}, ${directives}`;

/** The address is for this viewer, and must be gone from caches long before it fails. */
export const redirect = (url: string, reuse: boolean) =>
  new Response(null, {
    status: 302,
    headers: { Location: url, "Cache-Control": reuse ? `private, max-age=${REDIRECT_MAX_AGE_S}` : "no-store" },
  });
