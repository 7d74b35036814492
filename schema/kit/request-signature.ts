/**
 * The Worker's short-lived signature on a request to a media worker's play server:
 * `x-sluice-signature: <kid>.<expires, unix s>.<base64url HMAC-SHA256>` over `METHOD\n/path?query\nexpires`.
 */
import type { LinkKey } from "#contract/media";
import { sign, verify } from "./hmac.ts";

export const REQUEST_SIGNATURE_HEADER = "x-sluice-signature";

/** Long enough for clocks that differ, short enough to be worthless when it leaks. */
const LIFETIME_S = 60;

const message = (method: string, pathAndQuery: string, expires: number) =>
  `${method.toUpperCase()}\n${pathAndQuery}\n${expires}`;

/** The header's value. `pathAndQuery` as it goes over the wire, e.g. `/live/7/source.m3u8?_HLS_msn=3`. */
export async function signRequest(key: LinkKey, method: string, pathAndQuery: string, now: number): Promise<string> {
  const expires = Math.floor(now / 1000) + LIFETIME_S;
  return `${key.kid}.${expires}.${await sign(key.secret, message(method, pathAndQuery, expires))}`;
}

/** `keys`: the previous, current and next `request` key. `header`: null or undefined when the request had none. */
export async function verifyRequest(
  keys: readonly LinkKey[],
  header: string | null | undefined,
  method: string,
  pathAndQuery: string,
  now: number,
): Promise<boolean> {
  const match = /^(\d{1,10})\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/.exec(header ?? "");
  if (!match) return false;
  const [, kid, expiresText, signature = ""] = match;
  const expires = Number(expiresText);
  const key = keys.find((candidate) => candidate.kid === Number(kid));
  if (!key || expires * 1000 < now) return false;
  return verify(key.secret, message(method, pathAndQuery, expires), signature);
}
