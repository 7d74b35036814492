import { sql } from "drizzle-orm";
import type { Deed } from "#contract/chat-rpc";
import { audit_log } from "#tables/admin";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";

/**
 * What moderators did in a room, in the audit log, all of it or nothing, and each once however often it comes. Only the
 * channel's `ChatRoom` writes it: its storage and D1 have no transaction in common, so it keeps each until this has held.
 */
export async function recordDeeds(ctx: Ctx, room: number, deeds: readonly Deed[]): Promise<void> {
  const rows = deeds.map(({ id, action, message_id, author_id, author, channel, by, at }) => {
    const request_id = `chat:${room}:${id}`;
    const details = JSON.stringify({ channel_id: room, channel, author_id });
    return ctx.db.run(
      // By the time, which has an index.
      sql`INSERT INTO ${audit_log} (action, actor_kind, actor_id, actor_name, target_type, target_id, target_name, details, ip, request_id, created_at)
          SELECT ${action}, 'user', ${String(by.id)}, ${by.name}, 'message', ${String(message_id)}, ${author}, ${details}, NULL, ${request_id}, ${at}
          WHERE NOT EXISTS (SELECT 1 FROM ${audit_log} WHERE ${audit_log.created_at} = ${at} AND ${audit_log.request_id} = ${request_id})`,
    );
  });
  await commit(ctx, rows, []);
}
