/** Messages at rest: nothing of them can be read without the key of their room, nor changed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UNREADABLE } from "../../durable-objects/chat/room-records.ts";
import { roomSeal } from "../../workers/core/room-seal.ts";
import { actionsOf, channelOf, doer, ROOT } from "../harness/chat-cast.ts";
import { NodeStore } from "../harness/chat-store.ts";
import { ChatWorld } from "../harness/chat-world.ts";

const SECRET = "a secret of at least 32 bytes, for tests only";
const ROOM = 7;
const seal = roomSeal(SECRET, ROOM);

test.each(["", "hello", "日本語 😀 \n\t ünï", "x".repeat(16_000)])("opens what it sealed: %#", (text) => {
  expect(seal.open(seal.seal(text))).toBe(text);
  expect(roomSeal(SECRET, ROOM).open(seal.seal(text))).toBe(text);
});

test("the same text is sealed to other bytes each time", () => {
  expect(Buffer.from(seal.seal("hello"))).not.toEqual(Buffer.from(seal.seal("hello")));
});

test.each([
  ["another room", roomSeal(SECRET, ROOM + 1)],
  ["another secret", roomSeal(`${SECRET}.`, ROOM)],
])("what was sealed for %s does not open", (_, other) => {
  expect(() => seal.open(other.seal("hello"))).toThrow();
});

test("neither do bytes of which any one was changed, or that were cut short anywhere", () => {
  const sealed = seal.seal("hello");
  for (let n = 0; n < sealed.length; n++) {
    const changed = sealed.slice();
    changed[n] = changed[n]! ^ 1;
    expect(() => seal.open(changed)).toThrow();
    expect(() => seal.open(sealed.slice(0, n))).toThrow();
  }
  expect(() => seal.open(new Uint8Array([...sealed, 0]))).toThrow();
});

test("in the files of a room's database there is nothing of what was written", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "chat-seal-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new NodeStore(path.join(folder, "room.sqlite"));
  const world = new ChatWorld();
  const { room } = world.room(ROOM, store, seal);
  room.configure(channelOf(ROOM));
  const { id, send, edit, remove, react, pin } = actionsOf(ROOM);
  const ann = doer(1);
  const actions = [
    send(ann, "meet margaret at the lighthouse"),
    send(ann, "answer to it: ferdinand", { reply_to: id(1) }),
    edit(ann, id(1), "meet leopold at the windmill"),
    react(ann, id(1), "👍"),
    pin(doer(2, "moderator"), id(1)),
    send(ann, "beatrice will be deleted"),
    remove(ann, id(3)),
  ];
  for (const action of actions) expect(room.act(action)).toMatchObject({ ok: true });
  const written = /margaret|lighthouse|ferdinand|leopold|windmill|beatrice/;
  const files = () => readdirSync(folder).map((name) => readFileSync(path.join(folder, name)));
  for (const file of files()) expect(file.toString("latin1")).not.toMatch(written);
  room.clear(ROOT, "c");
  store.close();
  for (const file of files()) expect(file.toString("latin1")).not.toMatch(written);
  // It was looked for in the right place: what is not a secret is found there.
  expect(files().some((file) => file.includes("channel7"))).toBe(true);
});

test("a message that does not open any more says so, and hides none of the others", () => {
  const store = new NodeStore();
  const host = new ChatWorld().room(ROOM, store, seal);
  host.room.configure(channelOf(ROOM));
  const { id, send } = actionsOf(ROOM);
  for (const text of ["one", "two"]) host.room.act(send(doer(1), text));
  store.exec("UPDATE messages SET sealed = x'01' WHERE seq = 1");
  expect(host.room.history(id(3), 10).history.map(({ message }) => message.message)).toEqual([UNREADABLE, "two"]);
});
