/** Channels at one gateway, as tests find them. */
import { actionsOf, channelOf, doer, streamOf, userOf } from "./chat-cast.ts";
import type { ChatPerson } from "./chat-person.ts";
import { ChatWorld, type GatewayHost } from "./chat-world.ts";

export const ROOM = 7;
export const STREAM_ROOM = 8;
export const PRIVATE_ROOM = 9;
const { send } = actionsOf(ROOM);

/** One channel, where somebody elsewhere writes. */
export class ChatScene {
  readonly world = new ChatWorld();
  readonly gateway: GatewayHost;

  constructor() {
    this.world.channels.set(ROOM, channelOf(ROOM));
    this.world.room(ROOM).room.configure(channelOf(ROOM));
    this.gateway = this.world.gateway();
  }

  async connect(user_id: number, batch = false): Promise<ChatPerson> {
    const person = await this.gateway.connect(userOf(user_id), { batch });
    person.take();
    return person;
  }

  async inRoom(user_id: number, batch = false): Promise<ChatPerson> {
    const person = await this.connect(user_id, batch);
    await person.join(ROOM);
    // Who came is told in the next second.
    await this.world.pass(1_100);
    person.take();
    return person;
  }

  say(count = 1): void {
    for (let n = 0; n < count; n++) this.world.room(ROOM).room.act(send(doer(1), "hi"));
  }

  resume(person: ChatPerson, rev: number): Promise<void> {
    return person.say({ type: "resume", channel_id: ROOM, rev });
  }
}

/** A channel of each kind. */
export class ChannelsScene {
  readonly world = new ChatWorld();
  readonly gateway: GatewayHost;

  constructor() {
    const { channels } = this.world;
    channels.set(ROOM, channelOf(ROOM, { name: "general", topic: "all sorts" }));
    channels.set(STREAM_ROOM, channelOf(STREAM_ROOM, { stream: streamOf({ is_live: 1 }) }));
    channels.set(PRIVATE_ROOM, channelOf(PRIVATE_ROOM, { visibility: "private" }));
    this.gateway = this.world.gateway();
  }

  async inRoom(user_id: number, { batch = false, room = ROOM, at = this.gateway } = {}): Promise<ChatPerson> {
    const person = await at.connect(userOf(user_id), { batch });
    await person.join(room);
    person.take();
    return person;
  }
}
