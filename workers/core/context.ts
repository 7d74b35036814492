/** What every verb gets first: who asks, on what database, at what time. */
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { Actor } from "#contract/identity";
import { type Env, parseEnv, type Settings } from "./env.ts";

export type Ctx = {
  env: Env;
  settings: Settings;
  db: DrizzleD1Database;
  actor: Actor;
  requestId: string;
  /** The client's address as far as it can be believed, else null. */
  ip: string | null;
  /** What the client says it is, at most 300 characters; null when it says nothing. */
  userAgent(): string | null;
  /** Where people reach us, e.g. `https://live.example.com`; for absolute URLs in replies. */
  origin(): string;
  /** UTC milliseconds. */
  now(): number;
  waitUntil(promise: Promise<unknown>): void;
};

const databases = new WeakMap<Env, DrizzleD1Database>();

/** One for each environment: it keeps nothing of a request. */
export function databaseOf(env: Env): DrizzleD1Database {
  const known = databases.get(env);
  if (known) return known;
  const made = drizzle(env.DB);
  databases.set(env, made);
  return made;
}

/** For objects and cron: acts as `system`. `waitUntil` is the object's or the event's. */
export function systemContext(env: Env, name: string, waitUntil: (promise: Promise<unknown>) => void): Ctx {
  const settings = parseEnv(env);
  return {
    env,
    settings,
    db: databaseOf(env),
    actor: { kind: "system", name },
    requestId: newRequestId(),
    ip: null,
    userAgent: () => null,
    origin: () => settings.publicUrl ?? "",
    now: Date.now,
    waitUntil,
  };
}

export const newRequestId = (): string => crypto.randomUUID();
