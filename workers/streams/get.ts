import { eq } from "drizzle-orm";
import type { Stream } from "#contract/streams";
import { keyPrefix } from "#kit/keys";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { isAdmin, ownStream, owns, type StreamRow, selectStreams, shownStream } from "./rows.ts";

/** A stream's number, or its `pub_` key. */
export type StreamRef = number | string;

export async function findStream(ctx: Ctx, ref: StreamRef): Promise<StreamRow | undefined> {
  if (typeof ref === "number") return selectStreams(ctx, eq(streams.id, ref)).get();
  if (keyPrefix(ref) !== "pub_") return undefined;
  return selectStreams(ctx, eq(streams.public_key, ref)).get();
}

/**
 * `GET /api/streams/{id}`. A private stream is 404 for all but its owner and admins. Guests see public streams that
 * are open to them; of everything else they learn only that they are not signed in.
 */
export async function getStream(ctx: Ctx, ref: StreamRef): Promise<Stream> {
  const row = await findStream(ctx, ref);
  if (row && owns(ctx.actor, row.stream)) return ownStream(ctx, row);
  if (ctx.actor.kind === "anonymous") {
    if (row?.stream.is_public !== 1 || row.stream.allow_unauthenticated !== 1) {
      throw new ApiError("unauthenticated");
    }
    return shownStream(ctx, row);
  }
  if (!row || (row.stream.is_public !== 1 && !isAdmin(ctx.actor))) throw new ApiError("not_found", "No such stream");
  return shownStream(ctx, row);
}

/** The stream, if it is the actor's. Somebody else's is as unknown as one that does not exist: `not_found`. */
export async function findOwnStream(ctx: Ctx, ref: StreamRef): Promise<StreamRow> {
  const row = await findStream(ctx, ref);
  if (!row || !owns(ctx.actor, row.stream)) throw new ApiError("not_found", "No such stream");
  return row;
}
