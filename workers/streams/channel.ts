/** Every stream has a chat channel, named after its owner and id, made in the same commit. */
import { type SQL, sql } from "drizzle-orm";
import { chat_channels } from "#tables/chat";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";

/** For the stream that `which` names, if it has no channel. Its id need not be known outside the database. */
export function channelStatements(ctx: Ctx, which: SQL) {
  return [
    ctx.db.run(sql`
      INSERT INTO ${chat_channels} (name, description, category, stream_id, created_by, created_at)
      SELECT 'stream-' || ${users.username} || '-' || ${streams.id}, 'Chat of the stream ' || ${streams.title}, 'streams',
             ${streams.id}, ${users.id}, ${ctx.now()}
      FROM ${streams} INNER JOIN ${users} ON ${users.id} = ${streams.user_id}
      WHERE ${which} AND ${streams.chat_channel_id} IS NULL`),
    ctx.db.run(sql`
      UPDATE ${streams} SET chat_channel_id =
        (SELECT ${chat_channels.id} FROM ${chat_channels} WHERE ${chat_channels.stream_id} = ${streams.id})
      WHERE ${which} AND ${streams.chat_channel_id} IS NULL`),
  ] as const;
}
