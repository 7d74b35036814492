/**
 * The path token: the only credential in the URLs of media playlists, segments and parts. Checked without a database.
 * Text: `<kid>.<stream>.<generation>.<expires, unix s>.<viewer>.<base64url HMAC-SHA256>`, URL-safe.
 */
import type { LinkKey } from "#contract/media";
import { toBase64url } from "./base64url.ts";
import { sign, verify } from "./hmac.ts";

/** A viewer who stays longer reloads the page. */
export const PATH_TOKEN_LIFETIME_S = 12 * 3600;

export type PathClaims = {
  stream_id: number;
  /** Tokens of an older generation than the stream's are refused. */
  generation: number;
  /** Counts distinct viewers; says nothing about who they are. */
  viewer: string;
  /** Unix seconds. */
  expires: number;
};

const VIEWER = /^[A-Za-z0-9_-]{1,32}$/;
const TOKEN = /^((\d{1,10})\.(\d{1,15})\.(\d{1,15})\.(\d{1,12})\.([A-Za-z0-9_-]{1,32}))\.([A-Za-z0-9_-]{43})$/;

/** 12 characters, 72 bits. */
export const newViewerId = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(9)));

/** `bound`: text that the token only holds together with, e.g. the stream key in the same URL; not in the token. */
export async function mintPathToken(key: LinkKey, claims: PathClaims, bound = ""): Promise<string> {
  if (!VIEWER.test(claims.viewer)) throw new Error("a viewer id is 1 to 32 URL-safe characters");
  const body = `${key.kid}.${claims.stream_id}.${claims.generation}.${claims.expires}.${claims.viewer}`;
  return `${body}.${await sign(key.secret, `${body}\n${bound}`)}`;
}

/** The claims, or null when the token is malformed, forged, of an unknown key or expired. `keys`: the `path` keys. */
export async function verifyPathToken(
  keys: readonly LinkKey[],
  token: string,
  now: number,
  bound = "",
): Promise<PathClaims | null> {
  const match = TOKEN.exec(token);
  if (!match) return null;
  const [, body = "", kid, stream, generation, expires, viewer = "", signature = ""] = match;
  const key = keys.find((candidate) => candidate.kid === Number(kid));
  if (!key || Number(expires) * 1000 < now) return null;
  if (!(await verify(key.secret, `${body}\n${bound}`, signature))) return null;
  return { stream_id: Number(stream), generation: Number(generation), viewer, expires: Number(expires) };
}
