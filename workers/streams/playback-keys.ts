import type { LinkKeys } from "#contract/media";
import { linkKeys, linkPeriod } from "#kit/link-keys";
import type { Settings } from "../core/env.ts";

const OWNERS_MAX = 200;

/** Derived keys by owner (a media worker's id, or EDGE) and day. Holds keys, never promises. */
const derived = new WeakMap<Settings, Map<string, LinkKeys>>();

export async function keysOf(settings: Settings, owner: string, now: number): Promise<LinkKeys> {
  const known = derived.get(settings) ?? new Map<string, LinkKeys>();
  derived.set(settings, known);
  const name = `${linkPeriod(now)} ${owner}`;
  const keys = known.get(name) ?? (await linkKeys(settings.secret, owner, now));
  if (known.size >= OWNERS_MAX) known.clear();
  known.set(name, keys);
  return keys;
}
