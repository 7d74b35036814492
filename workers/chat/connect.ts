/** `GET /ws/chat`: authenticated here, held by the gateway of whoever comes. */
import { and, eq, isNull } from "drizzle-orm";
import { BATCH_PROTOCOL, SOCKETS_PER_USER } from "#contract/chat";
import { CHAT_CLOSE, type ErrorFrame } from "#contract/chat-frames";
import { CHAT_IDENTITY_HEADER, type ChatIdentity } from "#contract/chat-rpc";
import { ERRORS } from "#contract/errors";
import type { Region } from "#contract/regions";
import { toBase64url } from "#kit/base64url";
import { users } from "#tables/identity";
import { chatGateway } from "../../durable-objects/stubs.ts";
import { isUpgrade } from "../core/client.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { askObject, tellObject } from "../core/object-calls.ts";
import { gatewayName, regionOf } from "./gateway-name.ts";
import { chatIdentity, newGuest } from "./identity.ts";

const PROTOCOLS = "sec-websocket-protocol";

/** Throws `upgrade_required`. */
export function needUpgrade(request: Request): void {
  if (!isUpgrade(request)) throw new ApiError("upgrade_required", undefined, { headers: { Upgrade: "websocket" } });
}

/**
 * Hands the upgrade to the gateway. `presented`: somebody put a credential there, so they are no guest if it does not
 * hold: they are told so on a socket, since browsers do not show the status of a failed upgrade. Throws `rate_limited`
 * when they have sockets enough, `unavailable`.
 */
export async function connect(ctx: Ctx, request: Request, presented: boolean): Promise<Response> {
  const { actor } = ctx;
  const place = regionOf(request.cf);
  if (actor.kind === "user" || actor.kind === "api_key" || actor.kind === "stream_key") {
    const known = await chatIdentity(ctx, actor);
    if (known) {
      if (known.home_region === null && place !== null) ctx.waitUntil(settle(ctx, actor.id, place));
      return handOver(ctx, request, known.identity, known.home_region ?? place, String(actor.id));
    }
  }
  if (presented) return refuse(request);
  const guest = newGuest();
  return handOver(ctx, request, guest, place, guest.id);
}

/**
 * The first place that is known is where the account's gateway stays. What came before, from nowhere that was known,
 * comes there too: somebody at two gateways counts as two.
 */
async function settle(ctx: Ctx, userId: number, home_region: Region): Promise<void> {
  await ctx.db
    .update(users)
    .set({ home_region })
    .where(and(eq(users.id, userId), isNull(users.home_region)));
  const about = { object: "chat gateway", order: "send home", user_id: userId };
  await tellObject(ctx, about, () =>
    chatGateway(ctx.env, gatewayName(ctx.settings, null, String(userId))).sendHome(userId),
  );
}

async function handOver(
  ctx: Ctx,
  request: Request,
  identity: ChatIdentity,
  region: Region | null,
  who: string,
): Promise<Response> {
  const name = gatewayName(ctx.settings, region, who);
  // Nothing else of the client's: credentials end here, and partyserver takes orders from the query.
  const headers = new Headers({ upgrade: "websocket" });
  headers.set(CHAT_IDENTITY_HEADER, toBase64url(new TextEncoder().encode(JSON.stringify(identity))));
  const protocols = request.headers.get(PROTOCOLS);
  if (protocols !== null) headers.set(PROTOCOLS, protocols);
  const response = await askObject("chat gateway", () =>
    chatGateway(ctx.env, name).fetch(new Request(new URL("/ws/chat", request.url), { headers })),
  );
  if (response.status === 101) return response;
  if (response.status === 429) throw new ApiError("rate_limited", `At most ${SOCKETS_PER_USER} sockets for each user`);
  throw new ApiError("unavailable", "The chat is full", { headers: { "Retry-After": "5" } });
}

function refuse(request: Request): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  const frame: ErrorFrame = { type: "error", error_code: "unauthenticated", message: ERRORS.unauthenticated.message };
  const offered = (request.headers.get(PROTOCOLS) ?? "").split(",").map((name) => name.trim());
  const batched = offered.includes(BATCH_PROTOCOL);
  server.accept();
  server.send(JSON.stringify(batched ? [frame] : frame));
  server.close(CHAT_CLOSE.unauthenticated, "unauthenticated");
  return new Response(null, {
    status: 101,
    webSocket: client,
    ...(batched && { headers: { [PROTOCOLS]: BATCH_PROTOCOL } }),
  });
}
