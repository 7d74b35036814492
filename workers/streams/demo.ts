import { eq, sql } from "drizzle-orm";
import { settings } from "#tables/admin";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { readSetting } from "../core/setting.ts";
import { insertStream } from "./create.ts";
import { ownStream, selectStreams } from "./rows.ts";

export type Demo = { stream_id: number; stream_key: string; public_key: string };

const DEMO = {
  title: "Demo",
  description: "Made by the first start. Push to it, or delete it: it is not made again.",
  is_public: 1,
  allow_unauthenticated: 1,
} as const;

/** The demo stream; made once ever, when `make` says so. Null when it is not there. */
export async function demoStream(ctx: Ctx, { make, owner }: { make: boolean; owner: number }): Promise<Demo | null> {
  const known = await readSetting(ctx, "demo_stream");
  if (known) return findDemo(ctx, known.stream_id);
  if (!make) return null;
  try {
    const { stream, stream_key } = await insertStream(ctx, owner, DEMO, (id) => [
      // The row that remembers is unique: of two starts at once, one makes the stream.
      ctx.db.run(sql`INSERT INTO ${settings} (key, value) SELECT 'demo_stream', json_object('stream_id', ${id})`),
    ]);
    return { stream_id: stream.id, stream_key, public_key: stream.public_key };
  } catch (error) {
    const winner = await readSetting(ctx, "demo_stream");
    if (winner) return findDemo(ctx, winner.stream_id);
    // The owner has a stream of that title, which is not ours to hand out.
    if (error instanceof ApiError && error.code === "conflict") return null;
    throw error;
  }
}

async function findDemo(ctx: Ctx, id: number): Promise<Demo | null> {
  const row = await selectStreams(ctx, eq(streams.id, id)).get();
  if (!row) return null;
  const { stream_key, public_key } = await ownStream(ctx, row);
  return stream_key === undefined ? null : { stream_id: id, stream_key, public_key };
}
