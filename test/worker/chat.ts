/** Chat as tests use it: identities, channels and sockets. */
import { exports } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { onTestFinished } from "vitest";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { ServerFrame } from "../../schema/contract/chat-frames.ts";
import type { ChatIdentity, Doer } from "../../schema/contract/chat-rpc.ts";
import { chat_channels } from "../../schema/tables/chat.ts";
import { readConfig } from "../../workers/chat/channel-config.ts";
import { projectLastSeq } from "../../workers/chat/project-last-seq.ts";
import { grantedScopes } from "../../workers/identity/roles.ts";
import { bindings, call, db, type newUser, ORIGIN, system } from "./client.ts";

const worker = exports as unknown as { default: Fetcher };

export type User = Awaited<ReturnType<typeof newUser>>;

export const GUEST: ChatIdentity = { kind: "guest", id: "guest" };

type UserIdentity = Extract<ChatIdentity, { kind: "user" }>;

export const identityOf = (user: User, over: Partial<UserIdentity> = {}): UserIdentity => ({
  kind: "user",
  user_id: user.id,
  session: user.session,
  expires_at: null,
  scopes: grantedScopes(user.role, undefined),
  stream_id: null,
  profile: {
    user_id: user.id,
    username: user.username,
    nickname: null,
    role: user.role,
    anonymous: false,
    avatar: {},
  },
  status: "online",
  status_message: "",
  ...over,
});

let names = 0;

/** A channel that `user` made, by the API. Its number. */
export async function newChannel(user: User, fields: Record<string, unknown> = {}): Promise<number> {
  const body = { name: `channel-${++names}`, ...fields };
  const reply = await call("POST", "/api/chat/channels", { token: user.token, body });
  if (reply.status !== 201) throw new Error(`no channel: ${reply.status} ${reply.text}`);
  return reply.body.id;
}

/** A channel with so many messages of somebody, which the database has been told of. */
export async function written(user: User, count: number): Promise<number> {
  const id = await newChannel(user);
  const room = chatRoom(bindings, id);
  await room.configure(await readConfig(system(), id));
  const { profile } = identityOf(user);
  const by: Doer = { user_id: user.id, profile, standing: "member" };
  for (let n = 1; n <= count; n++) {
    await room.act({ by, nonce: `${n}`, kind: "message", message: `${n}`, reply_to: null });
  }
  await projectLastSeq(system(), id, count);
  return id;
}

export const channelRow = (id: number) => db.select().from(chat_channels).where(eq(chat_channels.id, id)).get();

export type TestSocket = {
  response: Response;
  /** Resolves with the first frame of the type that was not taken yet; rejects after five seconds. */
  next<T extends ServerFrame["type"]>(type: T): Promise<Extract<ServerFrame, { type: T }>>;
  /** Everything that came, as text. */
  texts: string[];
  send(frame: unknown): void;
  close(code?: number): void;
  /** The code it was closed with. */
  closed: Promise<number>;
};

export const upgrade = (headers: Record<string, string> = {}, query = "", cf?: Record<string, unknown>) =>
  worker.default.fetch(
    new Request(`${ORIGIN}/ws/chat${query}`, { headers: { upgrade: "websocket", ...headers }, ...(cf && { cf }) }),
  );

/** A socket that the Worker took. Closed when the test ends. */
export async function connect(...given: Parameters<typeof upgrade>): Promise<TestSocket> {
  const response = await upgrade(...given);
  const socket = response.webSocket;
  if (!socket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  const texts: string[] = [];
  const untaken: ServerFrame[] = [];
  let arrived: () => void = () => undefined;
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  socket.addEventListener("message", ({ data }) => {
    texts.push(String(data));
    const value: unknown = JSON.parse(String(data));
    untaken.push(...((Array.isArray(value) ? value : [value]) as ServerFrame[]));
    arrived();
  });
  socket.accept();
  onTestFinished(async () => {
    socket.close(1000);
    await closed;
  });
  return {
    response,
    texts,
    closed,
    send: (frame) => socket.send(JSON.stringify(frame)),
    close: (code) => socket.close(code),
    async next(type) {
      const until = Date.now() + 5_000;
      for (;;) {
        const at = untaken.findIndex((frame) => frame.type === type);
        const [frame] = at < 0 ? [] : untaken.splice(at, 1);
        if (frame) return frame as Extract<ServerFrame, { type: typeof type }>;
        const left = until - Date.now();
        if (left <= 0) throw new Error(`no ${type}; there were ${texts.join("\n")}`);
        await new Promise<void>((resolve) => {
          arrived = resolve;
          setTimeout(resolve, left);
        });
      }
    },
  };
}
