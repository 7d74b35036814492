/** Every stream has a chat channel, named after its owner and id, made with its room's number in the same commit. */
import { type SQL, sql } from "drizzle-orm";
import { chat_channels, chat_rooms } from "#tables/chat";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";

/** For the stream that `which` names, if it has no channel. Its id need not be known outside the database. */
export function channelStatements(ctx: Ctx, which: SQL) {
  return [
    ctx.db.run(sql`
      INSERT INTO ${chat_rooms} (kind, created_at)
      SELECT 'channel', ${ctx.now()} FROM ${streams} WHERE ${which} AND ${streams.chat_channel_id} IS NULL`),
    ctx.db.run(sql`
      INSERT INTO ${chat_channels} (id, name, category, stream_id, created_by, created_at)
      SELECT last_insert_rowid(), 'stream-' || ${users.username} || '-' || ${streams.id}, 'streams',
             ${streams.id}, ${users.id}, ${ctx.now()}
      FROM ${streams} INNER JOIN ${users} ON ${users.id} = ${streams.user_id}
      WHERE ${which} AND ${streams.chat_channel_id} IS NULL`),
    ctx.db.run(sql`
      UPDATE ${streams} SET chat_channel_id =
        (SELECT ${chat_channels.id} FROM ${chat_channels} WHERE ${chat_channels.stream_id} = ${streams.id})
      WHERE ${which} AND ${streams.chat_channel_id} IS NULL`),
  ] as const;
}
