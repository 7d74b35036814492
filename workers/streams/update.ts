import { and, eq } from "drizzle-orm";
import type { Stream, StreamUpdate } from "#contract/streams";
import { chat_channels } from "#tables/chat";
import { streams } from "#tables/streams";
import { liveStream } from "../../durable-objects/stubs.ts";
import { nextVersion } from "../chat/rows.ts";
import { configureRoom } from "../chat/tell-room.ts";
import { commitIf } from "../core/commit.ts";
import { needMatch, stillIs } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { channelStatements } from "./channel.ts";
import { titleTaken } from "./conflicts.ts";
import { findOwnStream, type StreamRef } from "./get.ts";
import { tellLiveStream } from "./live-orders.ts";
import { ownStream, selectStreams, settingsOf } from "./rows.ts";

/**
 * `PUT /api/streams/{id}`, partial. Throws `not_found`, `conflict`; `precondition_failed` when its settings are not those
 * that `ifMatch` names.
 */
export async function updateStream(
  ctx: Ctx,
  ref: StreamRef,
  update: StreamUpdate,
  ifMatch: string | undefined,
): Promise<Stream> {
  const { stream } = await findOwnStream(ctx, ref);
  const settings = settingsOf(stream);
  const compares = await needMatch(ifMatch, settings);
  const changes = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
  const write = ctx.db
    .update(streams)
    .set({ ...changes, updated_at: ctx.now() })
    .where(
      and(
        eq(streams.id, stream.id),
        eq(streams.user_id, stream.user_id),
        compares ? stillIs(streams, settings) : undefined,
      ),
    )
    .returning({ id: streams.id });
  const target = { type: "stream", id: stream.id, name: update.title ?? stream.title };
  const written = await titleTaken(() =>
    commitIf(
      ctx,
      write,
      [{ action: "stream_update", target, details: changes }],
      [],
      [
        ...channelStatements(ctx, eq(streams.id, stream.id)),
        ...(concernsChat(update) ? [newChannelVersion(ctx, stream.id)] : []),
      ],
    ),
  );
  if (written.length === 0 && compares) throw new ApiError("precondition_failed");
  const row = written.length > 0 ? await selectStreams(ctx, eq(streams.id, stream.id)).get() : undefined;
  if (!row) throw new ApiError("not_found", "No such stream");
  const { is_public, allow_unauthenticated } = row.stream;
  if (is_public !== stream.is_public || allow_unauthenticated !== stream.allow_unauthenticated) {
    // Players come back for new path tokens, and those who may no longer watch get none.
    await tellLiveStream(ctx, stream.id, "revoke", () => liveStream(ctx.env, stream.id).revoke());
  }
  if (concernsChat(update) && row.stream.chat_channel_id !== null) await configureRoom(ctx, row.stream.chat_channel_id);
  return ownStream(ctx, row);
}

/** The chat's room is told of these; also when they are as before, which another change at once may not know. */
const concernsChat = ({ title, is_public, allow_unauthenticated }: StreamUpdate) =>
  [title, is_public, allow_unauthenticated].some((value) => value !== undefined);

const newChannelVersion = (ctx: Ctx, streamId: number) =>
  ctx.db.update(chat_channels).set({ version: nextVersion }).where(eq(chat_channels.stream_id, streamId));
