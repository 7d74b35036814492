/**
 * What opens one private VOD to whoever holds its URL, where no cookie or header can be sent: `<use>.<expires, unix
 * s>.<base64url HMAC-SHA256>`. Checked without a database. A download address makes the browser save what it fetches.
 */
import { fromBase64url, toBase64url } from "#kit/base64url";
import type { Settings } from "../core/env.ts";
import { deriveKey } from "../core/secrets.ts";

export type TokenUse = "play" | "download";

export const PLAY_LIFETIME_S = 12 * 3600;
export const DOWNLOAD_LIFETIME_S = 3600;

/**
 * Good for at least `lifetime_s`. Expiry is rounded up to `step_s`: within it the same URL comes out, so that a player
 * whose page asks again goes on with the one it has.
 */
const LIFETIMES: Record<TokenUse, { lifetime_s: number; step_s: number }> = {
  play: { lifetime_s: PLAY_LIFETIME_S, step_s: 3600 },
  download: { lifetime_s: DOWNLOAD_LIFETIME_S, step_s: 300 },
};

const TOKEN = /^(play|download)\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;
const encoder = new TextEncoder();

export async function mintVodToken(settings: Settings, publicId: string, use: TokenUse, now: number): Promise<string> {
  const { lifetime_s, step_s } = LIFETIMES[use];
  const expires = Math.ceil(now / 1000 / step_s) * step_s + lifetime_s;
  const key = await deriveKey(settings, "vod tokens v1");
  const signature = await crypto.subtle.sign("HMAC", key, signed(publicId, use, expires));
  return `${use}.${expires}.${toBase64url(new Uint8Array(signature))}`;
}

/** What the token is for, or null when it is malformed, forged, of another VOD or expired. */
export async function verifyVodToken(
  settings: Settings,
  publicId: string,
  token: string,
  now: number,
): Promise<TokenUse | null> {
  const [, use = "", expires = "", signature = ""] = TOKEN.exec(token) ?? [];
  const bytes = fromBase64url(signature);
  if ((use !== "play" && use !== "download") || !bytes || Number(expires) * 1000 < now) return null;
  const key = await deriveKey(settings, "vod tokens v1");
  return (await crypto.subtle.verify("HMAC", key, bytes, signed(publicId, use, Number(expires)))) ? use : null;
}

const signed = (publicId: string, use: TokenUse, expires: number) => encoder.encode(`${publicId}\n${use}\n${expires}`);
