import { eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { isAdminRole } from "#contract/identity";
import type { Stream, StreamInput } from "#contract/streams";
import { hashKey, newKey } from "#kit/keys";
import { streams } from "#tables/streams";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { seal } from "../core/seal.ts";
import { readSetting } from "../core/setting.ts";
import { channelStatements } from "./channel.ts";
import { titleTaken } from "./conflicts.ts";
import { ownStream, selectStreams } from "./rows.ts";

/** `POST /api/streams`. Throws `conflict` for a title the account has already, `forbidden` when streams are off. */
export async function createStream(ctx: Ctx, input: StreamInput): Promise<Stream> {
  const account = accountOf(ctx);
  if (account.kind === "stream_key") throw new ApiError("forbidden", "A stream key cannot create streams");
  if (!isAdminRole(account.role) && !(await readSetting(ctx, "allow_user_streams"))) {
    throw new ApiError("forbidden", "Streams are turned off");
  }
  return (await insertStream(ctx, account.id, input)).stream;
}

/** Also takes statements that must happen with the stream or not at all. */
export async function insertStream(
  ctx: Ctx,
  userId: number,
  input: StreamInput,
  also: (id: ReturnType<typeof idByKey>) => BatchItem<"sqlite">[] = () => [],
): Promise<{ stream: Stream; stream_key: string }> {
  const stream_key = newKey("live_");
  const live_key_hash = await hashKey(stream_key);
  const now = ctx.now();
  const insert = ctx.db.insert(streams).values({
    user_id: userId,
    title: input.title,
    description: input.description ?? "",
    is_public: input.is_public ?? 1,
    allow_unauthenticated: input.allow_unauthenticated ?? 0,
    rtmp_enabled: input.rtmp_enabled ?? 0,
    record: input.record ?? 1,
    live_key_hash,
    live_key_sealed: await seal(ctx.settings, "stream-key", stream_key),
    public_key: newKey("pub_"),
    created_at: now,
    updated_at: now,
  });
  const which = eq(streams.live_key_hash, live_key_hash);
  const id = idByKey(live_key_hash);
  await titleTaken(() =>
    commit(
      ctx,
      [insert, ...channelStatements(ctx, which), ...also(id)],
      [
        {
          action: "stream_create",
          target: { type: "stream", id, name: input.title },
          details: { is_public: input.is_public ?? 1, allow_unauthenticated: input.allow_unauthenticated ?? 0 },
        },
      ],
    ),
  );
  const row = await selectStreams(ctx, which).get();
  if (!row) throw new Error("a stream is gone right after it was made");
  return { stream: await ownStream(ctx, row), stream_key };
}

/** The id of a stream that is made in the same batch. */
const idByKey = (live_key_hash: string) =>
  sql<number>`(SELECT ${streams.id} FROM ${streams} WHERE ${streams.live_key_hash} = ${live_key_hash})`;
