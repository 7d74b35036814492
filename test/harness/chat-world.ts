/**
 * Rooms and gateways of chat in one process. Time stands still until it is told to pass; calls between the objects are
 * copied as the runtime copies them, and can be lost, or held until a test lets them go. Objects are lost from memory,
 * and come back with their storage (and a gateway that only slept, with its sockets).
 */
import type { ChannelConfig } from "#contract/chat";
import type { ChatGatewayRpc, ChatIdentity, ChatRoomRpc, Deed, Delivery, Standing, Visit } from "#contract/chat-rpc";
import type { ChannelRef } from "../../durable-objects/chat/channel-ref.ts";
import { Gateway, type Opened } from "../../durable-objects/chat/gateway.ts";
import { Room } from "../../durable-objects/chat/room.ts";
import type { SeatMemory } from "../../durable-objects/chat/seat.ts";
import type { Sealer, Store } from "../../durable-objects/chat/store.ts";
import { ChatPerson, settled } from "./chat-person.ts";
import { NodeStore, reversed } from "./chat-store.ts";

const STARTED_AT = Date.UTC(2026, 10, 21, 12);

export type Method =
  | "visit"
  | "act"
  | "typing"
  | "history"
  | "deliver"
  | "open"
  | "markRead"
  | "tellOnline"
  | "project"
  | "record";
export type Call = { method: Method; of: string; args: readonly unknown[] };
type Rule = { method: Method; left: number; before?: () => Promise<void>; after?: () => Promise<void> };

/** While it is held nothing comes out of it; `release` lets it go. */
export type Held = { release(): Promise<void> };

/** An object in memory; what it had under way ends with it. */
type Life = { alive: boolean };
type Timer = { at: number; action(): void; life: Life };

function gate(): { promise: Promise<void>; held: Held } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const release = () => {
    resolve();
    return settled();
  };
  return { promise, held: { release } };
}

const lost = async (): Promise<void> => {
  throw new Error("the call was lost");
};

/** What an object is given of the world, and what it leaves there. */
class Host {
  readonly store: Store;
  /** UTC ms. */
  alarmAt: number | null = null;
  protected readonly world: ChatWorld;
  protected life: Life = { alive: true };

  constructor(world: ChatWorld, store: Store) {
    this.world = world;
    this.store = store;
  }

  protected surroundings() {
    const { life } = this;
    return {
      store: this.store,
      now: () => this.world.now,
      setTimer: (action: () => void, ms: number) => this.world.setTimer(action, ms, life),
      wakeAt: (due: number | null) => {
        if (life.alive) this.alarmAt = due;
      },
      failed: (what: string) => {
        if (life.alive) this.world.failures.push(what);
      },
    };
  }
}

export class RoomHost extends Host {
  room: Room;
  /** What D1 was told. */
  readonly projected: number[] = [];
  readonly recorded: Deed[] = [];
  readonly #number: number;
  readonly #sealer: Sealer;

  constructor(world: ChatWorld, number: number, store: Store, sealer: Sealer) {
    super(world, store);
    this.#number = number;
    this.#sealer = sealer;
    this.room = this.#newRoom();
  }

  /** It is lost from memory and comes back with its storage. */
  restart(): void {
    this.life.alive = false;
    this.life = { alive: true };
    this.room = this.#newRoom();
  }

  ring(): Promise<void> {
    return this.room.alarm();
  }

  #newRoom(): Room {
    const { world, life } = this;
    const calls = (gateway: string) => world.caller(life, gateway);
    return new Room({
      ...this.surroundings(),
      room: this.#number,
      sealer: this.#sealer,
      gateway: (name) => ({
        deliver: (delivery) => calls(name)("deliver", [delivery], (sent) => world.deliver(name, sent)),
      }),
      project: (seq) => calls("d1")("project", [seq], (sent) => void this.projected.push(sent)),
      record: (deeds) => calls("d1")("record", [deeds], (sent) => void this.recorded.push(...sent)),
    });
  }
}

export class GatewayHost extends Host {
  readonly name: string;
  gateway: Gateway;
  readonly people = new Map<string, ChatPerson>();
  readonly read: { user_id: number; message_id: number }[] = [];
  /** How many users D1 was told are online. */
  readonly online: number[] = [];

  constructor(world: ChatWorld, name: string, store: Store) {
    super(world, store);
    this.name = name;
    this.gateway = this.#newGateway([]);
  }

  async connect(identity: ChatIdentity, { batch = false } = {}): Promise<ChatPerson> {
    const person = new ChatPerson(this, `${this.name}#${this.world.next()}`);
    this.people.set(person.id, person);
    this.gateway.connect(person, identity, batch);
    await settled();
    return person;
  }

  /** It leaves memory; its sockets stay, with what they were given to remember. */
  async sleep(): Promise<void> {
    this.life.alive = false;
    this.life = { alive: true };
    const open = [...this.people.values()].filter(({ closed }) => closed === null);
    this.gateway = this.#newGateway(
      open.flatMap((socket) =>
        socket.memory ? [{ socket, memory: structuredClone(socket.memory) as SeatMemory }] : [],
      ),
    );
    await settled();
  }

  /** It is lost with its sockets. */
  async crash(): Promise<void> {
    this.life.alive = false;
    this.life = { alive: true };
    for (const person of this.people.values()) person.closed ??= { code: 1006, reason: "" };
    this.people.clear();
    this.gateway = this.#newGateway([]);
    await settled();
  }

  ring(): Promise<void> {
    return this.gateway.alarm();
  }

  #newGateway(sockets: ConstructorParameters<typeof Gateway>[1]): Gateway {
    const { world, life, name } = this;
    const d1 = world.caller(life, "d1");
    return new Gateway(
      {
        ...this.surroundings(),
        name,
        random: () => `r${world.next()}`,
        room: (number) => {
          const call = world.caller(life, String(number));
          const room = () => world.room(number).room;
          return {
            visit: (visit) => call("visit", [visit], (sent) => room().visit(sent)),
            act: (action) => call("act", [action], (sent) => room().act(sent)),
            typing: (by) => call("typing", [by], (sent) => room().typing(sent)),
            history: (before, limit) => call("history", [before, limit], (...sent) => room().history(...sent)),
          } satisfies Pick<ChatRoomRpc, "visit" | "act" | "typing" | "history">;
        },
        open: (identity, ref) => d1("open", [identity, ref], (...sent) => world.open(...sent)),
        markRead: (user_id, message_id) =>
          d1("markRead", [{ user_id, message_id }], (mark) => void this.read.push(mark)),
        tellOnline: (users) => d1("tellOnline", [users], (told) => void this.online.push(told)),
      },
      sockets,
    );
  }
}

export class ChatWorld {
  /** What the objects said went wrong. */
  readonly failures: string[] = [];
  readonly calls: Call[] = [];
  /** What D1 has. */
  readonly channels = new Map<number, ChannelConfig>();
  readonly moderators = new Set<number>();
  /** Of private channels. */
  readonly members = new Set<number>();
  /** By name (rooms: their number): every call to it fails. */
  readonly away = new Set<string>();
  /** Gateways that are made up by a test. */
  readonly listeners = new Map<string, Pick<ChatGatewayRpc, "deliver">>();
  now = STARTED_AT;
  readonly #rooms = new Map<number, RoomHost>();
  readonly #gateways = new Map<string, GatewayHost>();
  #rules: Rule[] = [];
  #timers: Timer[] = [];
  #count = 0;

  /** `sealer` and `store` count when it is made, at its first mention. */
  room(number: number, store: Store = new NodeStore(), sealer: Sealer = reversed): RoomHost {
    const host = this.#rooms.get(number) ?? new RoomHost(this, number, store, sealer);
    this.#rooms.set(number, host);
    return host;
  }

  gateway(name = "eu:0"): GatewayHost {
    const host = this.#gateways.get(name) ?? new GatewayHost(this, name, new NodeStore());
    this.#gateways.set(name, host);
    return host;
  }

  next(): number {
    return ++this.#count;
  }

  /** Lets time pass, and all that falls due meanwhile happen, in order. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settled();
    for (;;) {
      const due = this.#nextDue();
      if (due === null || due.at > end) break;
      this.now = Math.max(this.now, due.at);
      due.run();
      await settled();
    }
    this.now = end;
  }

  // Calls

  /** The next such calls never arrive. */
  lose(method: Method, times = 1): void {
    this.#rules.push({ method, left: times, before: lost });
  }

  /** The next such calls are made, and their answers never arrive. */
  loseAnswer(method: Method, times = 1): void {
    this.#rules.push({ method, left: times, after: lost });
  }

  /** The next such call is made, and its answer waits. */
  holdAnswer(method: Method): Held {
    const { promise, held } = gate();
    this.#rules.push({ method, left: 1, after: () => promise });
    return held;
  }

  /** The next such call waits before it is made. */
  hold(method: Method): Held {
    const { promise, held } = gate();
    this.#rules.push({ method, left: 1, before: () => promise });
    return held;
  }

  /** Nothing is lost or held any more, but for what is away. */
  mend(): void {
    this.#rules = [];
  }

  called(method: Method): Call[] {
    return this.calls.filter((call) => call.method === method);
  }

  get visits(): Visit[] {
    return this.called("visit").map(({ args }) => args[0] as Visit);
  }

  /** For the objects: how `life` calls the object named `of`. */
  caller(life: Life, of: string) {
    return async <const A extends readonly unknown[], T>(
      method: Method,
      args: A,
      run: (...args: A) => T | Promise<T>,
    ): Promise<T> => {
      const copied = structuredClone(args);
      this.calls.push({ method, of, args: copied });
      const rule = this.#rules.find((each) => each.method === method && each.left > 0);
      if (rule) rule.left -= 1;
      try {
        await rule?.before?.();
        if (this.away.has(of)) await lost();
        const reply = structuredClone(await run(...copied));
        await rule?.after?.();
        if (life.alive) return reply;
      } catch (error) {
        if (life.alive) throw error;
      }
      // Who asked is no more.
      return new Promise<never>(() => undefined);
    };
  }

  deliver(name: string, delivery: Delivery) {
    return (this.listeners.get(name) ?? this.gateway(name).gateway).deliver(delivery);
  }

  setTimer(action: () => void, ms: number, life: Life): void {
    this.#timers.push({ at: this.now + ms, action, life });
  }

  /** What D1 says of who may enter. */
  open(identity: ChatIdentity, ref: ChannelRef): Opened {
    const isMeant = (config: ChannelConfig) => {
      if ("id" in ref) return config.id === ref.id;
      if ("name" in ref) return config.name === ref.name;
      return config.stream !== null && [config.stream.public_key, `live_${config.stream.id}`].includes(ref.stream_key);
    };
    const config = [...this.channels.values()].find(isMeant);
    const by_live_key = "stream_key" in ref && ref.stream_key.startsWith("live_");
    const standing = config && this.#standing(identity, config, by_live_key);
    if (config && standing) return { ok: true, config: structuredClone(config), standing };
    if (identity.kind === "guest") return { ok: false, code: "unauthenticated", message: "Sign in" };
    return { ok: false, code: "not_found", message: "No such channel" };
  }

  #standing(identity: ChatIdentity, { stream, visibility }: ChannelConfig, by_key: boolean): Standing | null {
    if (identity.kind === "guest") {
      return stream && (by_key || (stream.is_public && stream.allow_unauthenticated)) ? "guest" : null;
    }
    if (this.moderators.has(identity.user_id)) return "moderator";
    const isOpen = stream ? stream.is_public || by_key : visibility === "public";
    return isOpen || this.members.has(identity.user_id) ? "member" : null;
  }

  #nextDue(): { at: number; run(): void } | null {
    this.#timers = this.#timers.filter(({ life }) => life.alive).sort((a, b) => a.at - b.at);
    const [timer] = this.#timers;
    const hosts = [...this.#rooms.values(), ...this.#gateways.values()];
    const alarms = hosts.flatMap((host) => (host.alarmAt === null ? [] : { host, at: host.alarmAt }));
    const [alarm] = alarms.sort((a, b) => a.at - b.at);
    if (timer && (!alarm || timer.at <= alarm.at)) {
      return {
        at: timer.at,
        run: () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
          timer.action();
        },
      };
    }
    if (!alarm) return null;
    return {
      at: alarm.at,
      run: () => {
        alarm.host.alarmAt = null;
        void alarm.host.ring();
      },
    };
  }
}
