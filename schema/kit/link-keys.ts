/**
 * Keys that the edge shares with one media worker. Derived (HKDF-SHA256, RFC 5869), so nothing is stored: one key per
 * use, worker and day. Each side takes the previous, the current and the next day's, so clocks may differ by hours and
 * a token lives at least a day.
 */
import type { LinkKey, LinkKeys } from "#contract/media";
import { toBase64url } from "./base64url.ts";

export type LinkKeyUse = keyof LinkKeys;

/** The name under which the edge derives keys that no media worker shares. */
export const EDGE = "edge";

const PERIOD_MS = 24 * 3600 * 1000;
const encoder = new TextEncoder();

/** The key id: number of the period (UTC day) that `now` (ms) is in. */
export const linkPeriod = (now: number): number => Math.floor(now / PERIOD_MS);

/** Throws when `secret` is shorter than 32 bytes. */
export async function linkKey(secret: string, use: LinkKeyUse, workerId: string, period: number): Promise<LinkKey> {
  const material = encoder.encode(secret);
  if (material.length < 32) throw new Error("SLUICE_SECRET must be at least 32 bytes");
  const base = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: encoder.encode("sluice link keys v1"),
      info: encoder.encode(`${use}\n${workerId}\n${period}`),
    },
    base,
    256,
  );
  return { kid: period, secret: toBase64url(new Uint8Array(bits)) };
}

/** The previous, current and next key of each use. */
export async function linkKeys(secret: string, workerId: string, now: number): Promise<LinkKeys> {
  const current = linkPeriod(now);
  const three = (use: LinkKeyUse) =>
    Promise.all([current - 1, current, current + 1].map((period) => linkKey(secret, use, workerId, period)));
  return { request: await three("request"), path: await three("path") };
}

/** The key to sign with. Throws when `keys` is empty. */
export function currentKey(keys: readonly LinkKey[], now: number): LinkKey {
  const period = linkPeriod(now);
  const key = keys.find((candidate) => candidate.kid === period) ?? keys.at(-1);
  if (!key) throw new Error("no link key");
  return key;
}
