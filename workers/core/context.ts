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
  userAgent: string | null;
  /** Where people reach us, e.g. `https://live.example.com`; for absolute URLs in replies. */
  origin: string;
  /** UTC milliseconds. */
  now(): number;
  waitUntil(promise: Promise<unknown>): void;
};

/** For objects and cron: acts as `system`. `waitUntil` is the object's or the event's. */
export function systemContext(env: Env, name: string, waitUntil: (promise: Promise<unknown>) => void): Ctx {
  const settings = parseEnv(env);
  return {
    env,
    settings,
    db: drizzle(env.DB),
    actor: { kind: "system", name },
    requestId: newRequestId(),
    ip: null,
    userAgent: null,
    origin: settings.publicUrl ?? "",
    now: Date.now,
    waitUntil,
  };
}

export const newRequestId = (): string => crypto.randomUUID();
