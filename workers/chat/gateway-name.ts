import { z } from "zod";
import type { Region } from "#contract/regions";
import type { Settings } from "../core/env.ts";

/** The chat gateway of somebody: `<region>:<shard>`. `who`: a user's or guest's id in text. */
export const gatewayName = ({ chatShards }: Settings, region: Region | null, who: string): string =>
  `${region ?? "auto"}:${fnv1a(who) % chatShards}`;

/** Wherever their sockets may be: some may have come before their region was known. */
export const gatewayNames = (settings: Settings, region: Region | null, who: string): string[] => [
  ...new Set([gatewayName(settings, region, who), gatewayName(settings, null, who)]),
];

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** What Cloudflare says of where a request came from. Locally it says nothing. */
const Place = z.object({ continent: z.string(), longitude: z.coerce.number().catch(Number.NaN) });

/** Degrees east. */
const ROCKIES = -100;
const ODER = 15;
const INDUS = 60;

/** The region nearest to whoever sent a request; null when nobody knows. */
export function regionOf(cf: unknown): Region | null {
  const place = Place.safeParse(cf);
  if (!place.success) return null;
  const { continent, longitude } = place.data;
  switch (continent) {
    case "NA":
      return longitude < ROCKIES ? "wnam" : "enam";
    case "EU":
      return longitude > ODER ? "eeur" : "weur";
    case "AS":
      return longitude < INDUS ? "me" : "apac";
    case "SA":
      return "sam";
    case "OC":
      return "oc";
    case "AF":
      return "afr";
    default:
      return null;
  }
}
