/** Who asks: the credentials of a request in their documented order, each checked until one holds. */

import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { Actor, Face } from "#contract/identity";
import type { AppEnv } from "./app-env.ts";
import { isCrossOrigin, isUpgrade } from "./client.ts";
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import { FACES } from "./faces.ts";

export const SESSION_COOKIE = "portal_session";
/** Longer credentials are no credentials. */
const CREDENTIAL_MAX = 4096;

export type Credential =
  | { form: "jwt"; value: string; via: "token" | "cookie" }
  | { form: "stream_key"; value: string };

/** By form of credential: the actor, or null when the credential does not hold. */
export type Authenticators = {
  [F in Credential["form"]]: (
    ctx: Ctx,
    credential: Extract<Credential, { form: F }>,
    face: Face,
  ) => Promise<Actor | null>;
};

/**
 * A credential that does not hold falls through to the next one. Throws `cross_origin` when a cookie would authorise a
 * write that another site asked for.
 */
export async function authenticate(c: Context<AppEnv>, authenticators: Authenticators): Promise<Actor> {
  const ctx = c.var.ctx;
  for (const credential of credentials(c)) {
    if (credential.value.length > CREDENTIAL_MAX) continue;
    const actor = await check(ctx, credential, c.var.face, authenticators);
    if (!actor) continue;
    if (actor.kind === "user" && actor.via === "cookie") refuseCrossOrigin(c);
    return actor;
  }
  return { kind: "anonymous" };
}

/**
 * Throws `cross_origin`. Reads are safe: nothing they do changes anything, and other sites cannot see the reply. A
 * WebSocket they could use.
 */
export function refuseCrossOrigin(c: Context<AppEnv>): void {
  const safe = ["GET", "HEAD", "OPTIONS"].includes(c.req.raw.method) && !isUpgrade(c.req.raw);
  if (!safe && isCrossOrigin(c.req.raw, c.var.ctx.settings)) throw new ApiError("cross_origin");
}

/** Whether the request has a credential that somebody put there, and not only the cookie that a browser sends by itself. */
export const presentsCredential = (c: Context<AppEnv>): boolean =>
  [...credentials(c)].some((credential) => credential.form !== "jwt" || credential.via !== "cookie");

function check(ctx: Ctx, credential: Credential, face: Face, authenticators: Authenticators): Promise<Actor | null> {
  switch (credential.form) {
    case "jwt":
      return authenticators.jwt(ctx, credential, face);
    case "stream_key":
      return authenticators.stream_key(ctx, credential, face);
  }
}

function* credentials(c: Context<AppEnv>): Generator<Credential> {
  const [scheme = "", ...rest] = (c.req.header("authorization") ?? "").trim().split(/\s+/);
  const authorization = rest.length === 1 ? rest[0] : undefined;
  if (authorization && scheme.toLowerCase() === "bearer") yield { form: "jwt", value: authorization, via: "token" };
  if (authorization && scheme.toLowerCase() === "stream-key") yield { form: "stream_key", value: authorization };
  const streamKey = c.req.header("x-stream-key");
  if (streamKey) yield { form: "stream_key", value: streamKey };
  const token = c.req.query("token");
  if (token) yield { form: "jwt", value: token, via: "token" };
  const cookie = FACES[c.var.face].cookie ? getCookie(c, SESSION_COOKIE) : undefined;
  if (cookie) yield { form: "jwt", value: cookie, via: "cookie" };
}
