/** Links that sign in by mail: asked for by an e-mail address, good once and for a quarter of an hour. */
import { and, eq, isNull, lt, sql } from "drizzle-orm";
import type { MagicLinkReply, MagicLinkRequest } from "#contract/apps-identity";
import { toBase64url } from "#kit/base64url";
import { clientBucket } from "#kit/client-address";
import { hashKey } from "#kit/keys";
import { magic_links, users } from "#tables/identity";
import { rateLimiter } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { keyedHash } from "../core/keyed-hash.ts";
import { log, logFailure } from "../core/log.ts";
import { sendMail } from "../core/mail.ts";
import { askObject } from "../core/object-calls.ts";

const WINDOW_MS = 15 * 60_000;
const LINK_MS = WINDOW_MS;
const TOKEN_BYTES = 32;

type Limit = { name: string; most: number; window_ms: number };
/** For each address that is typed in, whoever does it. */
const BY_EMAIL: Limit[] = [
  { name: "magic_pause", most: 1, window_ms: 60_000 },
  { name: "magic_link", most: 3, window_ms: WINDOW_MS },
];
/** For each client, however often the operator lets it try to sign in. */
const BY_CLIENT: Limit = { name: "magic_client", most: 10, window_ms: WINDOW_MS };

/**
 * `POST /api/v1/auth/magic-link`. Whether there is such an account is found out after the reply, so that neither its
 * words nor its time tell. Throws `rate_limited`: for each address once a minute, and three times in 15 minutes; for each
 * client ten times.
 */
export async function requestMagicLink(ctx: Ctx, { email }: MagicLinkRequest): Promise<MagicLinkReply> {
  const address = await keyedHash(ctx.settings, `magic link ${email.toLowerCase()}`);
  if (ctx.ip !== null) await take(ctx, clientBucket(ctx.ip), BY_CLIENT);
  for (const limit of BY_EMAIL) await take(ctx, address, limit);
  if (ctx.settings.mail) {
    const mailed = mailLink(ctx, email).catch((error: unknown) =>
      logFailure("a link was not mailed", error, { request_id: ctx.requestId }),
    );
    ctx.waitUntil(mailed);
  } else {
    log("warn", "a link was asked for, but mail is not configured: SMTP_URL, MAIL_FROM", { request_id: ctx.requestId });
  }
  return { message: "If an account has this address, a link is on its way to it" };
}

async function take(ctx: Ctx, whose: string, { name, most, window_ms }: Limit): Promise<void> {
  const counted = await askObject("rate limiter", () =>
    rateLimiter(ctx.env, `apps:${name}:${whose}`).take(most, window_ms, 1),
  );
  if (counted.granted > 0) return;
  const wait = Math.max(1, Math.ceil((counted.reset_at - ctx.now()) / 1000));
  throw new ApiError("rate_limited", `A link was asked for just now, try again in ${wait} s`, {
    headers: { "Retry-After": String(wait) },
  });
}

async function mailLink(ctx: Ctx, address: string): Promise<void> {
  const user = await ctx.db
    .select({ id: users.id, username: users.username, email: users.email })
    .from(users)
    .where(and(eq(users.email, address), isNull(users.deleted_at)))
    .get();
  if (!user?.email) return;
  // As its owner spelt it.
  const { id, username, email } = user;
  const token = toBase64url(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
  const token_hash = await hashKey(token);
  const now = ctx.now();
  // The account may have another address by now.
  const kept = await ctx.db
    .insert(magic_links)
    .select(
      sql`SELECT ${token_hash}, ${users.id}, ${now}, ${now + LINK_MS} FROM ${users}
          WHERE ${users.id} = ${id} AND ${users.email} = ${email} AND ${users.deleted_at} IS NULL`,
    )
    .returning({ user_id: magic_links.user_id });
  if (kept.length === 0) return;
  await sendMail(ctx, {
    to: email,
    subject: "Sign in to Sluice",
    text: [
      `Hello ${username},`,
      "",
      "open this link to sign in. It works once, within the next 15 minutes:",
      "",
      `${ctx.settings.publicUrl}/login?magic=${token}`,
      "",
      "Where you are asked for the token instead:",
      "",
      token,
      "",
      "If you did not ask for it, somebody typed in your address. Nothing happens as long as nobody opens the link.",
      "",
    ].join("\n"),
  });
}

/** Returns how many rows went. */
export async function sweepMagicLinks(ctx: Ctx): Promise<number> {
  const { meta } = await ctx.db.delete(magic_links).where(lt(magic_links.expires_at, ctx.now())).run();
  return meta.changes;
}
