/** Who asks: the credentials of a request in their documented order, each checked until one holds. */

import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { Actor, Face } from "#contract/identity";
import type { AppEnv } from "./app-env.ts";
import { isCrossOrigin, isUpgrade } from "./client.ts";
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import { type CredentialForm, FACES } from "./faces.ts";

export const SESSION_COOKIE = "portal_session";
/** Longer credentials are no credentials. */
const CREDENTIAL_MAX = 4096;

export type Credential =
  | { form: "jwt"; value: string; via: "token" | "cookie" }
  | { form: "api_key"; value: string }
  | { form: "app_token"; value: string }
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
  const ctx = c.get("ctx");
  for (const credential of credentials(c)) {
    if (credential.value.length > CREDENTIAL_MAX) continue;
    const actor = await check(ctx, credential, c.get("face"), authenticators);
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

/** The session's token in the header, whether it holds or not. */
export function presentedToken(c: Context<AppEnv>): string | undefined {
  const token = [...credentials(c)].find((credential) => credential.form === "jwt" && credential.via === "token");
  return token && token.value.length <= CREDENTIAL_MAX ? token.value : undefined;
}

function check(ctx: Ctx, credential: Credential, face: Face, authenticators: Authenticators): Promise<Actor | null> {
  switch (credential.form) {
    case "jwt":
      return authenticators.jwt(ctx, credential, face);
    case "api_key":
      return authenticators.api_key(ctx, credential, face);
    case "app_token":
      return authenticators.app_token(ctx, credential, face);
    case "stream_key":
      return authenticators.stream_key(ctx, credential, face);
  }
}

const taken = (face: Face): ReadonlySet<CredentialForm> => new Set(FACES[face].credentials);
const TAKEN = { portal: taken("portal"), apps: taken("apps"), recorder: taken("recorder") };

function* credentials(c: Context<AppEnv>): Generator<Credential> {
  const takes = TAKEN[c.get("face")];
  const [given = "", ...rest] = (c.req.header("authorization") ?? "").trim().split(/\s+/);
  const authorization = rest.length === 1 ? rest[0] : undefined;
  const scheme = given.toLowerCase();
  if (authorization && scheme === "bearer") yield* bearer(authorization, takes);
  const apiKeys = [scheme === "api-key" ? authorization : undefined, c.req.header("x-api-key")];
  const streamKeys = [scheme === "stream-key" ? authorization : undefined, c.req.header("x-stream-key")];
  for (const value of apiKeys) if (value && takes.has("api_key")) yield { form: "api_key", value };
  for (const value of streamKeys) if (value && takes.has("stream_key")) yield { form: "stream_key", value };
  const token = takes.has("query_token") ? c.req.query("token") : undefined;
  if (token) yield* bearer(token, takes);
  const cookie = takes.has("cookie") ? getCookie(c, SESSION_COOKIE) : undefined;
  if (cookie) yield { form: "jwt", value: cookie, via: "cookie" };
}

/** Its beginning says what a bearer's value is. */
function* bearer(value: string, takes: ReadonlySet<CredentialForm>): Generator<Credential> {
  if (value.startsWith("portal_")) {
    if (takes.has("api_key")) yield { form: "api_key", value };
  } else if (value.startsWith("sk_")) {
    if (takes.has("app_token")) yield { form: "app_token", value };
  } else if (takes.has("bearer")) {
    yield { form: "jwt", value, via: "token" };
  }
}
