/** A gateway that only listens, for tests of rooms: it notes what it was sent, and says what it has. */
import type { ServerFrame } from "#contract/chat-frames";
import type { Delivery, DeliveryReply, Visit, VisitReply } from "#contract/chat-rpc";
import { settled } from "./chat-person.ts";
import type { ChatWorld } from "./chat-world.ts";

export type Visited = Extract<VisitReply, { ok: true }>;

export class ChatListener {
  readonly name: string;
  epoch = 1;
  /** The last change it has. */
  have = 0;
  readonly deliveries: Delivery[] = [];
  /** Replaces what it would answer. */
  answer: ((delivery: Delivery) => DeliveryReply | Promise<DeliveryReply>) | null = null;
  readonly #world: ChatWorld;
  readonly #room: number;
  #visits = 0;

  constructor(world: ChatWorld, room: number, name = "eu:0") {
    this.#world = world;
    this.#room = room;
    this.name = name;
    world.listeners.set(name, this);
  }

  async deliver(delivery: Delivery): Promise<DeliveryReply> {
    this.deliveries.push(delivery);
    if (this.answer) return this.answer(delivery);
    if (delivery.epoch !== this.epoch) return { gone: true };
    if (delivery.reset) this.have = delivery.after;
    else if (delivery.after <= this.have) this.have = Math.max(this.have, delivery.updates.at(-1)?.rev ?? 0);
    return { have: this.have };
  }

  visit(visit: Partial<Visit> = {}): VisitReply {
    const reply = this.#world.room(this.#room).room.visit({
      gateway: this.name,
      epoch: this.epoch,
      n: ++this.#visits,
      config: this.#world.channels.get(this.#room) ?? null,
      since: null,
      snapshot: false,
      entered: [],
      left: [],
      guests: 0,
      bye: false,
      ...visit,
    });
    if (reply.ok && visit.since === undefined) this.have = reply.rev;
    return structuredClone(reply);
  }

  /** The same, and all that follows at once. Throws when the channel is gone. */
  async visited(visit: Partial<Visit> = {}): Promise<Visited> {
    const reply = this.visit(visit);
    await settled();
    if (!reply.ok) throw new Error("the channel is gone");
    return reply;
  }

  get updates(): ServerFrame[] {
    return this.deliveries.flatMap(({ updates }) => updates.map(({ frame }) => JSON.parse(frame) as ServerFrame));
  }

  get news(): ServerFrame[] {
    return this.deliveries.flatMap(({ news }) => news.map(({ frame }) => JSON.parse(frame) as ServerFrame));
  }

  forget(): void {
    this.deliveries.length = 0;
  }
}
