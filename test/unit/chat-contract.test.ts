/** Every frame that a gateway sends is exactly what the contract says it is, and each of the contract's is sent. */
import { expect, test } from "vitest";
import { ServerFrame } from "#contract/chat-frames";
import { actionsOf, channelOf, doer, HIDDEN, ROOT, streamOf, userOf } from "../harness/chat-cast.ts";
import type { Sendable } from "../harness/chat-person.ts";
import { ChatWorld } from "../harness/chat-world.ts";

const ROOM = 7;
const LONG = "x".repeat(4_000);
const { id, send } = actionsOf(ROOM);

/** What somebody is sent to whose eyes all happens that can happen in a room. */
async function everything(batch: boolean): Promise<string[]> {
  const world = new ChatWorld();
  const gateway = world.gateway();
  const host = world.room(ROOM);
  const stream = streamOf();
  world.channels.set(ROOM, channelOf(ROOM, { stream }));
  world.moderators.add(1);
  const watcher = await gateway.connect(userOf(2), { batch });
  host.room.configure(channelOf(ROOM, { stream }));
  await watcher.join(ROOM);
  const ann = await gateway.connect(userOf(1));
  await ann.join(ROOM);
  const message_id = id(1);
  const frames: Sendable[] = [
    { type: "typing" },
    { type: "message", message: "hi", nonce: "n1" },
    { type: "message", message: "ho", reply_to: message_id },
    { type: "edit_message", message_id, message: "hi!" },
    { type: "react", message_id, emoji: "👍" },
    { type: "react", message_id, emoji: "👍" },
    { type: "pin_message", message_id },
    { type: "unpin_message", message_id },
    { type: "pin_message", message_id },
    { type: "message", message: "wrong", reply_to: id(99) },
  ];
  for (const frame of frames) await ann.say(frame);
  host.room.act(send(doer(4, "member", HIDDEN), "hidden"));
  const { profile, ...status } = userOf(1, { nickname: "Annie", avatar: { emoji: "🦊" } }, { status: "busy" });
  gateway.gateway.looks(1, { profile, status: status.status, status_message: status.status_message });
  await world.pass(2_000);
  gateway.gateway.looks(1, { ...status, profile: { ...profile, anonymous: true } });
  await world.pass(2_000);
  for (let n = 0; n < 20; n++) host.room.act(send(doer(5), LONG));
  await world.pass(100);
  host.room.streamStatus(stream.id, 1, 2);
  host.room.configure(channelOf(ROOM, { version: 2, stream, topic: "new" }));
  host.room.configure(channelOf(ROOM, { version: 3, stream, topic: "new", name: "renamed" }));
  await watcher.join(ROOM);
  await watcher.say({ type: "history", before_id: id(3), limit: 1 });
  await watcher.say({ type: "ping" });
  await watcher.say({ type: "message", message: "" });
  host.room.act(actionsOf(ROOM).remove(doer(1), message_id));
  host.restart();
  await world.pass(10_000);
  await gateway.sleep();
  await watcher.say({ type: "resume", channel_id: ROOM, rev: 0 });
  await ann.leave();
  host.room.clear(ROOT, "c");
  await world.pass(2_000);
  host.room.destroy();
  await world.pass(2_000);
  return watcher.texts;
}

test("whatever happens in a room", async () => {
  const seen = new Set<string>();
  for (const batch of [false, true]) {
    for (const text of await everything(batch)) {
      for (const frame of [JSON.parse(text)].flat()) {
        seen.add(frame.type);
        expect(ServerFrame.parse(frame)).toEqual(frame);
      }
    }
  }
  expect([...seen].sort()).toEqual(ServerFrame.options.map(({ shape }) => shape.type.value).sort());
});
