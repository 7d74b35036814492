import { eq, sql } from "drizzle-orm";
import type { z } from "zod";
import type { ChannelInput, CreatedChannel } from "#contract/chat";
import { chat_channels, chat_members, chat_rooms } from "#tables/chat";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { atLeast } from "../identity/roles.ts";
import { refuseReservedName, withOwnName } from "./names.ts";
import { visitorOfActor } from "./visitor.ts";

/**
 * `POST /api/chat/channels`. Throws `invalid_request` for a reserved name, `conflict` for one that is taken, `forbidden`
 * for private and readonly ones below moderators.
 */
export async function createChannel(ctx: Ctx, input: ChannelInput): Promise<z.infer<typeof CreatedChannel>> {
  const account = accountOf(ctx);
  if (account.kind === "stream_key") throw new ApiError("forbidden", "A stream key cannot create channels");
  refuseReservedName(input.name);
  const isPlain = input.visibility === "public" && input.mode === "open";
  if (!isPlain && !atLeast(visitorOfActor(account).role, "moderator")) {
    throw new ApiError("forbidden", "Only moderators may create private and readonly channels");
  }
  const now = ctx.now();
  const room = ctx.db.insert(chat_rooms).values({ kind: "channel", created_at: now });
  const channel = ctx.db
    .insert(chat_channels)
    .values({ ...input, id: sql`last_insert_rowid()`, created_by: account.id, created_at: now });
  const id = sql<number>`(SELECT ${chat_channels.id} FROM ${chat_channels} WHERE ${eq(chat_channels.name, input.name)})`;
  const moderator = ctx.db
    .insert(chat_members)
    .values({ channel_id: id, user_id: account.id, role: "moderator", added_at: now });
  const { name, description, category, visibility, mode } = input;
  await withOwnName(() =>
    commit(
      ctx,
      [room, channel, ...(visibility === "private" ? [moderator] : [])],
      [{ action: "channel_create", target: { type: "channel", id, name }, details: { visibility, mode } }],
    ),
  );
  const row = await ctx.db
    .select({ id: chat_channels.id })
    .from(chat_channels)
    .where(eq(chat_channels.name, name))
    .get();
  if (!row) throw new Error("a channel is gone right after it was made");
  return { id: row.id, name, description, category, visibility, mode };
}
