import { and, eq, isNull, sql } from "drizzle-orm";
import { sessions } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needSession } from "./roles.ts";
import { forgetSessions } from "./sessions.ts";

/** Less of an id means none: it would be a guess. */
const BEGINNING_MIN_CHARS = 8;

/**
 * `POST /api/token/revoke`: a session of one's own, by its id or the beginning of no other; its sockets are closed. Once
 * revoked it stays so; a second time changes nothing. Throws `not_found`, `invalid_request` when it could be several.
 */
export async function revokeSession(ctx: Ctx, given: string): Promise<void> {
  const { id: userId } = needSession(ctx);
  if (given.length < BEGINNING_MIN_CHARS) throw new ApiError("not_found", "No such token");
  const found = await ctx.db
    .select({ id: sessions.id, name: sessions.name })
    .from(sessions)
    .where(and(eq(sessions.user_id, userId), sql`substr(${sessions.id}, 1, ${given.length}) = ${given}`))
    .limit(2);
  const [session, another] = found;
  if (!session) throw new ApiError("not_found", "No such token");
  if (another) throw new ApiError("invalid_request", "Several tokens begin so: send the whole id");
  await endSession(ctx, userId, session);
}

/** Whether it was not revoked before. Its sockets are closed. */
export async function endSession(
  ctx: Ctx,
  userId: number,
  { id, name }: { id: string; name: string | null },
): Promise<boolean> {
  const guard = ctx.db
    .update(sessions)
    .set({ revoked_at: ctx.now() })
    .where(and(eq(sessions.id, id), eq(sessions.user_id, userId), isNull(sessions.revoked_at)))
    .returning({ id: sessions.id });
  const ended = await commitIf(ctx, guard, [{ action: "token_revoke", target: { type: "session", id, name } }]);
  forgetSessions(userId, id);
  ctx.waitUntil(disconnectChat(ctx, userId, { session: id }));
  return ended.length > 0;
}
