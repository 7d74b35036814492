import { and, eq, isNull, sql } from "drizzle-orm";
import type { AppTokenInput, CreatedAppToken } from "#contract/apps-identity";
import { hashKey, newKey } from "#kit/keys";
import { app_tokens, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needTokenRights } from "./apps-roles.ts";
import { needSession } from "./roles.ts";
import { holds } from "./sessions.ts";

/**
 * `POST /api/v1/tokens`: a token that acts for everything of the apps face, or for one app. It goes with the account
 * that made it, or that made the token it was made by. Throws `invalid_request` for an app that there is not, and
 * `forbidden` for whoever is no owner.
 */
export async function createAppToken(ctx: Ctx, input: AppTokenInput): Promise<CreatedAppToken> {
  needTokenRights(ctx);
  if (input.appId !== undefined) needApp(input.appId);
  const { name, scope, allowedIps = [] } = input;
  const token = newKey("sk_");
  const token_hash = await hashKey(token);
  const allowed = allowedIps.length === 0 ? null : JSON.stringify(allowedIps);
  const insert = ctx.db
    .insert(app_tokens)
    .select(
      sql`SELECT NULL, ${name}, ${token_hash}, ${scope}, ${input.appId ?? null}, ${allowed}, maker.id, ${ctx.now()}, NULL, NULL
          FROM (${maker(ctx)}) AS maker`,
    )
    .returning({ id: app_tokens.id });
  const id = sql`(SELECT ${app_tokens.id} FROM ${app_tokens} WHERE ${app_tokens.token_hash} = ${token_hash})`;
  const target = { type: "app_token", id, name };
  const [made] = await commitIf(ctx, insert, [{ action: "app_token_create", target, details: { scope } }]);
  // What asks was revoked meanwhile.
  if (!made) throw new ApiError("unauthenticated");
  return { id: made.id, token };
}

/** The account it goes with, as long as what asks still counts, whatever this isolate believes. */
function maker(ctx: Ctx) {
  if (ctx.actor.kind === "app_token") {
    return ctx.db
      .select({ id: sql`${app_tokens.created_by}`.as("id") })
      .from(app_tokens)
      .where(and(eq(app_tokens.id, ctx.actor.id), isNull(app_tokens.revoked_at)));
  }
  const account = needSession(ctx);
  return ctx.db
    .select({ id: sql`${users.id}`.as("id") })
    .from(users)
    .where(and(eq(users.id, account.id), holds(account)));
}

/** Apps cannot be made yet: there is none that a token could be for. */
function needApp(id: number): never {
  throw new ApiError("invalid_request", "No such app", { details: [{ field: "appId", message: `${id} is no app` }] });
}
