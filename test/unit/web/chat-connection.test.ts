/** The socket of chat: when it is tried again, when it is given up, and what of it is heard. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServerFrame } from "#contract/chat-frames";
import { Connection, type Link } from "../../../web/chat/connection.ts";
import { FakeServer, message, resumed } from "./chat-scene.ts";

let server: FakeServer;
let heard: ServerFrame[];
let link: Link;
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  heard = [];
  connection = new Connection({
    socket: server.socket,
    wakeUps: server.wakeUps,
    hear: (frames) => heard.push(...frames),
    changed: (next) => {
      link = next;
    },
    random: () => 1,
  });
  connection.open();
});
afterEach(() => {
  connection.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** The present try fails; how long until the next one. */
async function waitAfterFailure(code?: number): Promise<number> {
  const tries = server.sockets.length;
  server.last.ends(code);
  let waited = 0;
  while (server.sockets.length === tries) {
    await wait(500);
    waited += 500;
  }
  return waited;
}

test("frames come singly or in arrays; what is not understood is left out", () => {
  server.last.opens();
  server.last.hearsText(JSON.stringify(resumed(3)));
  server.last.hears(message(4, 1), { type: "pong" }, message(5, 2));
  for (const odd of ["", "{", "null", "[]", "7", '{"type":"poll_created","rev":1}', '[{"type":"message"}]', "[[]]"]) {
    server.last.hearsText(odd);
  }
  server.last.dispatchEvent(new MessageEvent("message", { data: new ArrayBuffer(3) }));
  expect(heard).toEqual([resumed(3), message(4, 1), message(5, 2)]);
  expect(link.state).toBe("open");
});

test("each `sync` is answered, after what came before it was heard", () => {
  server.last.opens();
  server.last.hears(message(4, 1), { type: "sync", n: 41 });
  server.last.hears({ type: "sync", n: 42 });
  expect(server.last.said).toEqual([
    { type: "synced", n: 41 },
    { type: "synced", n: 42 },
  ]);
  expect(heard).toEqual([message(4, 1)]);
});

test("nothing is sent without a connection, and that is said", () => {
  expect(connection.send({ type: "typing" })).toBe(false);
  server.last.opens();
  expect(connection.send({ type: "typing" })).toBe(true);
  expect(server.last.said).toEqual([{ type: "typing" }]);
});

test("the character that stands for bytes without meaning may be said", () => {
  server.last.opens();
  const send = vi.spyOn(server.last, "send");
  connection.send({ type: "message", message: "caf\ufffd" });
  expect(send).toHaveBeenCalledOnce();
  expect(send.mock.lastCall?.[0]).not.toContain("\ufffd");
  expect(server.last.said).toEqual([{ type: "message", message: "caf\ufffd" }]);
});

test("after 25 s of silence it asks, and an answer is enough", async () => {
  server.last.opens();
  await wait(24_900);
  expect(server.last.said).toEqual([]);
  await wait(100);
  expect(server.last.said).toEqual([{ type: "ping" }]);
  server.last.hears({ type: "pong" });
  await wait(24_900);
  expect(server.last.said).toHaveLength(1);
  expect(link.state).toBe("open");
});

test("35 s of silence: the socket is dead, and what it says later is not heard", async () => {
  server.last.opens();
  await wait(34_900);
  expect(link.state).toBe("open");
  await wait(100);
  expect(link.state).toBe("waiting");
  expect(server.last.isClosed).toBe(true);
  server.last.hears(message(4, 1));
  server.last.ends();
  expect(heard).toEqual([]);
  await wait(1_000);
  expect(server.sockets).toHaveLength(2);
});

test("a server that never answers the upgrade is not waited for longer than 10 s", async () => {
  await wait(10_000);
  expect(link.state).toBe("waiting");
  expect(server.last.isClosed).toBe(true);
});

test("waits double up to 15 s, and are short again after a connection that held", async () => {
  const waits = [];
  for (let each = 0; each < 6; each += 1) waits.push(await waitAfterFailure());
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  server.last.opens();
  await wait(1_000);
  expect(await waitAfterFailure()).toBe(15_000);
  server.last.opens();
  await wait(10_001);
  expect(await waitAfterFailure()).toBe(1_000);
});

test("a wake-up brings the next try at once", async () => {
  for (let each = 0; each < 4; each += 1) await waitAfterFailure();
  server.last.ends();
  expect(link.state).toBe("waiting");
  server.wakes();
  expect(link.state).toBe("connecting");
  server.wakes();
  expect(server.sockets).toHaveLength(6);
});

test("a wake-up asks an open socket, and gives it 5 s", async () => {
  server.last.opens();
  server.wakes();
  expect(server.last.said).toEqual([{ type: "ping" }]);
  await wait(4_900);
  expect(link.state).toBe("open");
  await wait(100);
  expect(link.state).toBe("waiting");
});

test("an open socket that answers a wake-up stays", async () => {
  server.last.opens();
  server.wakes();
  server.last.hears({ type: "pong" });
  await wait(20_000);
  expect(link.state).toBe("open");
  expect(server.sockets).toHaveLength(1);
});

test("the session is over: no more tries, whatever wakes up, until it is opened again", async () => {
  server.last.opens();
  server.last.ends(4401);
  expect(link).toEqual({ state: "over" });
  server.wakes();
  await wait(60_000);
  expect(server.sockets).toHaveLength(1);
  connection.open();
  expect(server.sockets).toHaveLength(2);
});

test("after flooding it waits longer, and no wake-up shortens that", async () => {
  server.last.opens();
  server.last.ends(4429);
  server.wakes();
  await wait(29_900);
  expect(server.sockets).toHaveLength(1);
  server.wakes();
  await wait(100);
  server.wakes();
  expect(server.sockets).toHaveLength(2);
});

test("closed by the page: nothing happens any more", async () => {
  server.last.opens();
  connection.close();
  expect(server.last.isClosed).toBe(true);
  expect(link).toEqual({ state: "closed" });
  server.wakes();
  await wait(60_000);
  expect(server.sockets).toHaveLength(1);
});
