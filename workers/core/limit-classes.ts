/** What each face counts, as a table beside `FACES`: how many in how long, whom it counts, and how it tells. */
import type { Actor, Face } from "#contract/identity";
import { clientBucket } from "#kit/client-address";
import type { Ctx } from "./context.ts";

/**
 * What a route may ask for. `general` is what its face, its method and the credential make of it; `none` are playback,
 * pictures, health and what our own processes call, whose numbers are not an API's.
 */
export type LimitClass = "auth" | "chat_connect" | "search" | "general" | "none";
type Counted = Exclude<LimitClass, "none">;

type Kind = "auth" | "chat_connect" | "search" | "read" | "write" | "session";

export type Limit = {
  /** Kinds of the same name share a count. */
  name: string;
  /** In a window, for each principal. */
  most: number;
  /** Times as many by all clients together, while no address can be believed. */
  shared: number;
  window_ms: number;
  /** Whom it counts. Without a credential, or an account, that is the address. */
  by: "address" | "credential" | "account";
  /** Guards secrets: when nobody can count, nobody may try. */
  guards?: true;
  /** Where the operator says `most` and `window_ms`. */
  setting?: "appsAuthLimit";
};

const MINUTE_MS = 60_000;
const AUTH: Limit = { name: "auth", most: 10, shared: 10, window_ms: MINUTE_MS, by: "address", guards: true };
const general = (name: string, most: number): Limit => ({
  name,
  most,
  shared: 100,
  window_ms: MINUTE_MS,
  by: "credential",
});

type Dialect = {
  /** What is counted; other kinds are free. */
  limits: Partial<Record<Kind, Limit>>;
  /** `x`: `X-RateLimit-…` with the end of the window in Unix seconds; `ietf`: draft 7, with the seconds left. */
  headers: "x" | "ietf";
};

export const LIMITS = {
  portal: {
    headers: "x",
    limits: {
      auth: AUTH,
      chat_connect: { name: "chat_connect", most: 60, shared: 100, window_ms: MINUTE_MS, by: "address" },
      search: { name: "search", most: 10, shared: 10, window_ms: MINUTE_MS, by: "account" },
      read: general("general", 60),
      write: general("general", 60),
      session: general("session", 600),
    },
  },
  recorder: {
    headers: "x",
    limits: { auth: AUTH, read: general("read", 100), write: general("write", 30) },
  },
  apps: {
    headers: "ietf",
    limits: { auth: { ...AUTH, window_ms: 15 * MINUTE_MS, setting: "appsAuthLimit" } },
  },
} as const satisfies Record<Face, Dialect>;

const limitsOf = (face: Face): Partial<Record<Kind, Limit>> => LIMITS[face].limits;
const GENERAL: ReadonlySet<Kind> = new Set(["read", "write", "session"]);

/** The limit that a call falls under, or null. */
export function limitOf(
  face: Face,
  wanted: Counted,
  reads: boolean,
  { actor, settings }: Pick<Ctx, "actor" | "settings">,
): Limit | null {
  const kind = kindOf(wanted, reads, actor);
  const limit = limitsOf(face)[kind];
  if (!limit || (!settings.rateLimits && GENERAL.has(kind))) return null;
  return limit.setting === undefined ? limit : { ...limit, ...settings[limit.setting] };
}

/** Whether a face counts such calls. */
export const isCounted = (face: Face, wanted: LimitClass, reads: boolean): wanted is Counted =>
  wanted !== "none" && limitsOf(face)[kindOf(wanted, reads, { kind: "anonymous" })] !== undefined;

/** Whether a class knows whom it counts by the address alone, so that it can count before anything else is done. */
export const countsFirst = (wanted: LimitClass): boolean => wanted === "auth" || wanted === "chat_connect";

/** A cookie's session has a count of its own, whatever else the route asks for: our pages ask more than programs may. */
function kindOf(wanted: Counted, reads: boolean, actor: Actor): Kind {
  if (wanted === "auth" || wanted === "chat_connect") return wanted;
  if (actor.kind === "user" && actor.via === "cookie") return "session";
  return wanted === "search" ? "search" : reads ? "read" : "write";
}

/** Whom a limit counts, and how much for them. */
export function principalOf({ by, most, shared }: Limit, { actor, ip }: Ctx): { key: string; most: number } {
  const key = by === "address" ? null : by === "account" ? accountKey(actor) : credentialKey(actor);
  if (key !== null) return { key, most };
  return ip === null ? { key: "anybody", most: shared * most } : { key: clientBucket(ip), most };
}

/** Somebody's tokens count separately. */
function credentialKey(actor: Actor): string | null {
  switch (actor.kind) {
    case "user":
      return `session:${actor.session}`;
    case "api_key":
      return `key:${actor.key_id}`;
    case "stream_key":
      return `stream:${actor.stream_id}`;
    case "app_token":
      return `token:${actor.id}`;
    case "media_worker":
    case "system":
    case "anonymous":
      return null;
  }
}

function accountKey(actor: Actor): string | null {
  return actor.kind === "user" || actor.kind === "api_key" || actor.kind === "stream_key" ? `user:${actor.id}` : null;
}
