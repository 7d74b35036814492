/**
 * A thousand sockets in one room while rooms and gateways lose their memory again and again and clients their network:
 * whatever anybody was told was done, everybody has, once and in the same order. `SLUICE_LONG=1` goes on for longer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Change } from "#contract/chat-frames";
import { ChatClient } from "../harness/chat-client.ts";
import { type ChatEdge, startChatEdge } from "../harness/chat-edge.ts";
import { judge } from "../harness/chat-history.ts";

const LONG = process.env.SLUICE_LONG === "1";
const SECONDS = LONG ? 30 : 12;
const SOCKETS = 1000;
const SOCKETS_EACH = 10;
const SENDERS = 40;
const PER_SECOND = 20;
const SHARDS = 4;
const ABORT_EVERY_MS = 2000;
const KILL_EVERY_MS = 15_000;
const DROP_EVERY_MS = 200;
const ENTER_AT_ONCE = 100;
const REST_MS = 20_000;

let edge: ChatEdge;
const clients: ChatClient[] = [];

beforeAll(async () => {
  edge = await startChatEdge({ shards: SHARDS });
  const users = await edge.users(SOCKETS / SOCKETS_EACH);
  while (clients.length < SOCKETS) {
    const some = Array.from({ length: ENTER_AT_ONCE }, (_, n) => {
      const at = clients.length + n;
      const { token = "" } = users[at % users.length] ?? {};
      return new ChatClient({
        origin: edge.origin,
        name: `c${at}`,
        token,
        batched: at % 2 === 0,
        join: { type: "join" },
      });
    });
    clients.push(...some);
    await Promise.all(some.map(({ ready }) => ready));
  }
});
afterAll(async () => {
  for (const client of clients) client.end();
  await edge?.stop();
});

/** Does `work` again and again until `signal`. */
async function every(milliseconds: number, signal: AbortSignal, work: (n: number) => unknown): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    await work(n);
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}

/** Aborts the room and each of the gateways in turn. */
async function abortInTurn(signal: AbortSignal): Promise<void> {
  const { rooms, gateways } = await edge.look();
  expect(rooms).toHaveLength(1);
  expect(gateways).toHaveLength(SHARDS);
  const [room = ""] = rooms;
  await every(ABORT_EVERY_MS, signal, (n) =>
    n % 2 === 0 ? edge.abort("room", room) : edge.abort("gateway", gateways[(n >> 1) % SHARDS] ?? ""),
  );
}

/** One message after the other, each from the next sender; now and then an edit, a reaction or a deletion as well. */
async function talk(senders: readonly ChatClient[]): Promise<void> {
  const start = performance.now();
  for (let n = 0; n < SECONDS * PER_SECOND; n++) {
    await sleep(Math.max(0, start + (n * 1000) / PER_SECOND - performance.now()));
    const sender = senders[n % senders.length] as ChatClient;
    sender.say(`message ${n} of ${sender.name}`);
    const deleted = sender.sent.flatMap(({ frame }) => (frame.type === "delete" ? frame.message_id : []));
    const own = sender.sent.flatMap(({ confirmed }) => (confirmed?.type === "message" ? confirmed.id : []));
    const message_id = own.find((id) => !deleted.includes(id));
    if (message_id === undefined) continue;
    if (n % 10 === 1) sender.do({ type: "edit_message", message_id, message: `edit ${n}` });
    if (n % 10 === 4) sender.do({ type: "react", message_id, emoji: "👍" });
    if (n % 10 === 7) sender.do({ type: "delete", message_id });
  }
}

/** Until everybody has everything, or nothing moves any more. */
async function rest(): Promise<void> {
  const until = performance.now() + REST_MS;
  const isDone = () => {
    const newest = Math.max(...clients.map(({ rev }) => rev ?? 0));
    return clients.every((client) => client.isUpToDate && client.waiting === 0 && client.rev === newest);
  };
  while (!isDone() && performance.now() < until) await sleep(100);
}

/** Talks while `fault` goes on and networks go away, and lets everything come to rest. */
async function survive(fault: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const before = clients.map(({ resumes }) => resumes);
  const talking = new AbortController();
  const faults = fault(talking.signal);
  const drops = every(DROP_EVERY_MS, talking.signal, (n) => clients[(n * 37) % SOCKETS]?.drop());
  // Of as many users: the limit of 5 messages in 5 s is a user's.
  await talk(clients.slice(0, SENDERS));
  talking.abort();
  await Promise.all([faults, drops]);
  await rest();

  expect(judge(clients)).toEqual({ lost: [], doubled: [], reordered: [] });
  const sent = clients.flatMap((client) => client.sent);
  expect(sent.filter(({ confirmed }) => confirmed === null)).toEqual([]);
  // The faults were real: at least a whole gateway lost its sockets.
  const resumed = clients.filter(({ resumes }, n) => resumes > (before[n] ?? 0));
  expect(resumed.length).toBeGreaterThan(SOCKETS / SHARDS);
}

test("objects are aborted in turn: nothing is lost, doubled or reordered", async () => {
  await survive(abortInTurn);
  for (const shown of clients[0]?.shown ?? []) if (shown.type !== "history") expect(Change.parse(shown)).toEqual(shown);
});

test.runIf(LONG)("and when workerd is killed", async () => {
  await survive((signal) => every(KILL_EVERY_MS, signal, () => process.kill(edge.pid(), "SIGKILL")));
});
