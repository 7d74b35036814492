import { eq } from "drizzle-orm";
import type { ChannelUpdate } from "#contract/chat";
import { chat_channels } from "#tables/chat";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { atLeast } from "../identity/roles.ts";
import { refuseReservedName, withOwnName } from "./names.ts";
import { type ChannelRow, needChannelRow, nextVersion } from "./rows.ts";
import { standingIn } from "./standing.ts";
import { configureRoom } from "./tell-room.ts";
import { type Visitor, visitorOfActor } from "./visitor.ts";

/** `PUT /api/chat/channels/{id}`, partial. Throws `not_found`, `forbidden`, `invalid_request`, `conflict`. */
export async function updateChannel(ctx: Ctx, id: number, update: ChannelUpdate): Promise<void> {
  const visitor = visitorOfActor(accountOf(ctx));
  const row = await needChannelRow(ctx, id, visitor);
  if (standingIn(row, visitor) !== "moderator") throw new ApiError("forbidden", "You do not moderate this channel");
  const changes = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
  refuseFixed(row, update);
  refuseRestricting(row, update, visitor);
  const write = ctx.db
    .update(chat_channels)
    .set({ ...changes, version: nextVersion })
    .where(eq(chat_channels.id, id))
    .returning({ id: chat_channels.id });
  const target = { type: "channel", id, name: update.name ?? row.channel.name };
  const written = await withOwnName(() =>
    commitIf(ctx, write, [{ action: "channel_update", target, details: changes }]),
  );
  if (written.length === 0) throw new ApiError("not_found", "No such channel");
  await configureRoom(ctx, id);
}

/** What a default channel and a stream's channel are is fixed; so is what only looks like the latter. */
function refuseFixed({ channel, stream }: ChannelRow, { name, visibility }: ChannelUpdate): void {
  const renamed = name !== undefined && name !== channel.name;
  const what = stream ? "The channel of a stream" : channel.is_default === 1 ? "A default channel" : null;
  if (what && renamed) throw new ApiError("invalid_request", `${what} cannot be renamed`);
  if (what && visibility !== undefined && visibility !== channel.visibility) {
    throw new ApiError("invalid_request", `${what} keeps its visibility${stream ? ": it is the stream's" : ""}`);
  }
  if (renamed) refuseReservedName(name);
}

function refuseRestricting({ channel }: ChannelRow, { visibility, mode }: ChannelUpdate, { role }: Visitor): void {
  const restricts =
    (visibility === "private" && channel.visibility !== "private") ||
    (mode === "readonly" && channel.mode !== "readonly");
  if (restricts && !atLeast(role, "moderator")) {
    throw new ApiError("forbidden", "Only moderators may make a channel private or readonly");
  }
}
