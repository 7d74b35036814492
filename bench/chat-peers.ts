/** Who serves the room: a bare `ws` server, the object one would write first, and Sluice with and without batches. */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { ChatClient } from "../test/harness/chat-client.ts";
import type { ChatEdge } from "../test/harness/chat-edge.ts";
import type { TestUser } from "../test/harness/chat-orders.ts";
import { ChatSocket } from "../test/harness/chat-socket.ts";
import type { ChatPeer, Got, Member } from "./chat-load.ts";

/** Sockets that are opened at the same time. */
const AT_ONCE = 50;
/** What people write, about. */
const TEXT =
  "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness";

/** Opens `count` of something, a few at a time. */
async function several<T>(count: number, open: (n: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  while (all.length < count) {
    const some = Math.min(AT_ONCE, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: some }, (_, n) => open(all.length + n)))));
  }
  return all;
}

/** A server that sends to everybody what it gets from anybody. */
async function bareMember(url: string, member: number, got: Got): Promise<Member> {
  const socket = await ChatSocket.open({
    url,
    onFrame: (frame) => {
      if (frame.type === "message") got(Number(frame.nonce), member);
    },
  });
  return {
    send: (n) => socket.send({ type: "message", message: TEXT, nonce: String(n) }),
    bytesRead: () => socket.bytesRead,
    leave: () => socket.terminate(),
  };
}

const bare = (name: string, url: string, pid: number): ChatPeer => ({
  name,
  pid,
  calls: async () => ({}),
  enter: (count, got) => several(count, (member) => bareMember(url, member, got)),
});

export async function startBareServer(): Promise<ChatPeer & { stop(): void }> {
  const child = fork(path.join(import.meta.dirname, "chat-ws-server.ts"));
  const [{ port }] = await once(child, "message");
  if (child.pid === undefined) throw new Error("the bare server did not start");
  return { ...bare("bare ws", `ws://127.0.0.1:${port}`, child.pid), stop: () => void child.kill() };
}

export const naiveObject = (edge: ChatEdge): ChatPeer =>
  bare("naive object", `${edge.origin.replace("http", "ws")}/test/naive`, edge.pid());

/** Each member is a user of its own, so that the limit of 5 messages in 5 s is met by none. */
export function sluice(edge: ChatEdge, users: readonly TestUser[], batched: boolean): ChatPeer {
  let rooms = 0;
  return {
    name: batched ? "sluice.batch.v1" : "sluice, single frames",
    pid: edge.pid(),
    calls: async () => (await edge.look()).calls,
    enter(count, got) {
      const room = `${batched ? "b" : "s"}${rooms++}`;
      const numbers = new Map<string, number>();
      return several(count, async (member): Promise<Member> => {
        const client = new ChatClient({
          origin: edge.origin,
          name: `${room}.${member}`,
          token: users[member]?.token ?? "",
          batched,
          join: { type: "join" },
          onChange(change) {
            const n = change.type === "message" && change.nonce !== undefined ? numbers.get(change.nonce) : undefined;
            if (n !== undefined) got(n, member);
          },
        });
        await client.ready;
        return {
          send: (n) => void numbers.set(client.say(TEXT).frame.nonce, n),
          bytesRead: () => client.socket?.bytesRead ?? 0,
          leave: () => client.end(),
        };
      });
    },
  };
}
