/**
 * The Worker as it is, with chat objects that can be made to fail and that count what they say to each other, and with
 * the object that one would write first, to measure against. Runs in workerd. Only `chat-edge.ts` builds it.
 */
import { DurableObject } from "cloudflare:workers";
import type { ChatGatewayRpc, ChatRoomRpc } from "#contract/chat-rpc";
import type { Env } from "../../workers/core/env.ts";
import worker, { ChatGateway as Gateway, ChatRoom as Room } from "../../workers/index.ts";
import type { AbortOrder, ChatLook, UsersOrder } from "./chat-orders.ts";
import { newUsers } from "./new-users.ts";

export * from "../../workers/index.ts";

type TestEnv = Omit<Env, "CHAT_ROOM" | "CHAT_GATEWAY"> & {
  CHAT_ROOM: DurableObjectNamespace<ChatRoom>;
  CHAT_GATEWAY: DurableObjectNamespace<ChatGateway>;
  NAIVE_ROOM: DurableObjectNamespace<NaiveRoom>;
};

/** All objects of a Worker share one isolate locally. */
const rooms = new Set<string>();
const gateways = new Set<string>();
const calls: ChatLook["calls"] = { deliver: 0, act: 0, visit: 0 };

// These take the place of those that `export *` names.

export class ChatRoom extends Room {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    if (ctx.id.name !== undefined) rooms.add(ctx.id.name);
  }

  override act(...given: Parameters<ChatRoomRpc["act"]>): ReturnType<ChatRoomRpc["act"]> {
    calls.act++;
    return super.act(...given);
  }

  override visit(...given: Parameters<ChatRoomRpc["visit"]>): ReturnType<ChatRoomRpc["visit"]> {
    calls.visit++;
    return super.visit(...given);
  }

  async abort(): Promise<void> {
    this.ctx.abort("a test asked for it");
  }
}

export class ChatGateway extends Gateway {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    if (ctx.id.name !== undefined) gateways.add(ctx.id.name);
  }

  override deliver(...given: Parameters<ChatGatewayRpc["deliver"]>): ReturnType<ChatGatewayRpc["deliver"]> {
    calls.deliver++;
    return super.deliver(...given);
  }

  async abort(): Promise<void> {
    this.ctx.abort("a test asked for it");
  }
}

/** Chat as in the runtime's examples: no history, no order, no account, one object for all sockets. */
export class NaiveRoom extends DurableObject {
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(_from: WebSocket, text: string): void {
    JSON.parse(text);
    for (const socket of this.ctx.getWebSockets()) socket.send(text);
  }
}

async function abort(env: TestEnv, { object, name }: AbortOrder): Promise<void> {
  const stub = object === "room" ? env.CHAT_ROOM.getByName(name) : env.CHAT_GATEWAY.getByName(name);
  // The call breaks together with the object.
  await stub.abort().catch(() => undefined);
}

async function serve(request: Request, env: TestEnv): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/test/users":
      return Response.json(await newUsers(env, await request.json<UsersOrder>()));
    case "/test/abort":
      await abort(env, await request.json<AbortOrder>());
      return Response.json({});
    case "/test/chat":
      return Response.json({ rooms: [...rooms], gateways: [...gateways], calls } satisfies ChatLook);
    case "/test/naive":
      return env.NAIVE_ROOM.getByName("naive").fetch(request);
    default:
      return new Response(null, { status: 404 });
  }
}

export default {
  ...worker,
  fetch: (request, env, execution) =>
    new URL(request.url).pathname.startsWith("/test/") ? serve(request, env) : worker.fetch(request, env, execution),
} satisfies ExportedHandler<TestEnv>;
