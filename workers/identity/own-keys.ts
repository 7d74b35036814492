/** What people make to open something, API keys and SSH keys: each by a name of its own, and not without end. */
import { eq, getTableName, type SQL, sql } from "drizzle-orm";
import type { Actor } from "#contract/identity";
import { api_keys, type ssh_keys } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { uniquely } from "../core/unique.ts";
import { forgetSessions, holds } from "./sessions.ts";

type Keys = typeof api_keys | typeof ssh_keys;
type SessionActor = Extract<Actor, { kind: "user" }>;

/** Of one account; API keys that were revoked or have expired count until they are deleted. */
const most = (keys: Keys): number => (keys === api_keys ? 100 : 50);

/** Condition of the insert: there is room for another one, and whoever makes it is still signed in. */
export const hasRoom = (keys: Keys, actor: SessionActor): SQL =>
  sql`(SELECT count(*) FROM ${keys} WHERE ${keys.user_id} = ${actor.id}) < ${most(keys)} AND ${holds(actor)}`;

/**
 * The id of what `write` made, under `hasRoom`. Throws `invalid_request` for a name that the account has used, and when
 * there are too many; `unauthenticated` when the session has just ended.
 */
export async function makeKey(
  ctx: Ctx,
  keys: Keys,
  actor: SessionActor,
  write: () => Promise<{ id: number }[]>,
): Promise<number> {
  const taken = "Another key has this name";
  const detail = { field: "name", message: "is taken" };
  const [made] = await uniquely(new RegExp(`${getTableName(keys)}\\.name`), taken, write, detail, "invalid_request");
  if (made) return made.id;
  const count = await ctx.db.$count(keys, eq(keys.user_id, actor.id));
  if (count >= most(keys)) {
    throw new ApiError("invalid_request", `At most ${most(keys)} keys: delete one that you do not need`);
  }
  forgetSessions(actor.id, actor.session);
  throw new ApiError("unauthenticated");
}
