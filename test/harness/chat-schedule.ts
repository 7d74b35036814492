/**
 * The real gateways and rooms in a world that a seed makes up: calls are lost, come twice, late and in any order,
 * objects crash and fall asleep between any two steps, sockets break. Time stands still but when nothing else is to be
 * done. Whatever happens, `judge` must find nothing lost, doubled or in another order.
 */
import type { ChannelConfig } from "#contract/chat";
import type { ChatGatewayRpc } from "#contract/chat-rpc";
import { Gateway } from "../../durable-objects/chat/gateway.ts";
import { Room } from "../../durable-objects/chat/room.ts";
import { ChatAgenda, type Life, STARTED_AT } from "./chat-agenda.ts";
import { type Action, ChatClient, type ChatNetwork } from "./chat-client.ts";
import { judge, type Verdict } from "./chat-history.ts";
import { ChatLinks } from "./chat-links.ts";
import { NodeStore, reversed } from "./chat-store.ts";

const ROOM = 7;
const GATEWAYS = ["auto:0", "auto:1"];
const CLIENTS_PER_GATEWAY = 2;
/** Messages live longer than any schedule. */
const FORGOTTEN_MS = 24 * 3_600_000;
/** More steps than any schedule needs: a world that does not come to rest has a fault. */
const STEPS_MAX = 20_000;

export type ScheduleOptions = {
  /** How many things the clients do together. */
  actions?: number;
  /** A fault of the product, so to speak: to show that it would be found. */
  plant?: Plant;
};

/** What stands between a caller and what it calls: `pass` makes the real call. */
export type Plant = {
  /** Before the room does something. */
  act?(store: NodeStore): void;
  deliver?(pass: Deliver, delivery: Parameters<Deliver>[0]): ReturnType<Deliver>;
};
type Deliver = ChatGatewayRpc["deliver"];

export type Outcome = Verdict & {
  /** What happened at all: a schedule in which nothing does proves nothing. */
  counts: { crashes: number; sleeps: number; drops: number; lost: number; twice: number; changes: number };
  /** What did not come to rest, in words. */
  stuck: string[];
};

/** Databases of schedules that are over. */
const idle: NodeStore[] = [];

function borrow(): NodeStore {
  const store = idle.pop() ?? new NodeStore();
  store.empty();
  return store;
}

export class Schedule {
  readonly #agenda: ChatAgenda;
  readonly #links: ChatLinks;
  readonly #plant: Plant;
  readonly #clients: ChatClient[] = [];
  readonly #counts = { crashes: 0, sleeps: 0, drops: 0 };
  #left: number;

  readonly #roomStore: NodeStore;
  #room: { it: Room; life: Life } | null = null;
  #roomAlarm: number | null = null;
  readonly #stores: Map<string, NodeStore>;
  readonly #gateways = new Map<string, { it: Gateway; life: Life }>();
  readonly #gatewayAlarms = new Map<string, number | null>();
  readonly #config: ChannelConfig = {
    id: ROOM,
    version: 1,
    name: "general",
    description: "",
    topic: "",
    visibility: "public",
    mode: "open",
    slowmode_seconds: 0,
    stream: null,
  };

  constructor(seed: number, { actions = 12, plant = {} }: ScheduleOptions = {}) {
    this.#agenda = new ChatAgenda(seed);
    this.#links = new ChatLinks(this.#agenda, {
      wake: (name) => this.#wakeGateway(name),
      awake: (name) => this.#gateways.get(name)?.it,
      refused: (nonce) => this.#refused(nonce),
    });
    this.#plant = plant;
    this.#roomStore = borrow();
    this.#stores = new Map(GATEWAYS.map((name) => [name, borrow()]));
    this.#left = actions;
  }

  async run(): Promise<Outcome> {
    for (const gateway of GATEWAYS) {
      for (let n = 0; n < CLIENTS_PER_GATEWAY; n++) this.#clients.push(this.#newClient(gateway));
    }
    let steps = 0;
    while (this.#left > 0 && steps++ < STEPS_MAX) await this.#step();
    this.#agenda.faults = false;
    while (!this.#isAtRest() && steps++ < STEPS_MAX) await this.#step();
    const stuck = this.#clients.flatMap((client) => {
      if (client.waiting > 0) return [`${client.name} waits for ${client.waiting} of its own`];
      return client.isUpToDate ? [] : [`${client.name} is not up to date`];
    });
    const counts = { ...this.#counts, ...this.#agenda.counts, changes: this.#room?.it.rev ?? 0 };
    for (const client of this.#clients) client.end();
    const verdict = judge(this.#clients);
    idle.push(this.#roomStore, ...this.#stores.values());
    return { ...verdict, counts, stuck };
  }

  /** One thing happens, and everything that follows from it at once. */
  async #step(): Promise<void> {
    const { faults } = this.#agenda;
    const next = this.#agenda.take();
    if (faults && this.#agenda.chance(0.06)) this.#fault();
    else if (faults && this.#agenda.chance(0.15)) this.#act();
    // Time passes while calls are under way, too.
    if (next && !this.#agenda.chance(0.1)) next();
    else {
      if (next) this.#agenda.add(next);
      this.#passTime();
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #passTime(): void {
    const alarms = [this.#roomAlarm, ...this.#gatewayAlarms.values()]
      .filter((at) => at !== null)
      .filter((at) => at < STARTED_AT + FORGOTTEN_MS);
    const alarm = alarms.length > 0 ? Math.min(...alarms) : null;
    if (!this.#agenda.passTime(alarm) && alarm !== null) this.#ring();
  }

  #ring(): void {
    if (this.#roomAlarm !== null && this.#roomAlarm <= this.#agenda.now) {
      this.#roomAlarm = null;
      void this.#wakeRoom().it.alarm();
    }
    for (const [name, at] of this.#gatewayAlarms) {
      if (at === null || at > this.#agenda.now) continue;
      this.#gatewayAlarms.set(name, null);
      void this.#wakeGateway(name).it.alarm();
    }
  }

  #fault(): void {
    const kind = this.#agenda.random();
    const name = GATEWAYS[this.#agenda.below(GATEWAYS.length)] ?? "";
    if (kind < 0.25) this.#crashRoom();
    else if (kind < 0.45) this.#crashGateway(name);
    else if (kind < 0.6) this.#sleepRoom();
    else if (kind < 0.8) this.#sleepGateway(name);
    else {
      this.#counts.drops += 1;
      this.#clients[this.#agenda.below(this.#clients.length)]?.drop();
    }
  }

  #act(): void {
    const client = this.#clients[this.#agenda.below(this.#clients.length)];
    if (!client || client.rev === null) return;
    this.#left -= 1;
    client.do(this.#action(client));
  }

  /** Mostly messages; or something about one that this client was shown. */
  #action({ shown }: ChatClient): Action {
    const ids = shown.flatMap((each) => (each.type === "message" ? [each.id] : []));
    const message_id = ids[this.#agenda.below(ids.length)];
    const kind = this.#agenda.random();
    if (message_id === undefined || kind < 0.5) {
      return {
        type: "message",
        message: `m${this.#agenda.id()}`,
        ...(message_id && kind < 0.1 && { reply_to: message_id }),
      };
    }
    if (kind < 0.65) return { type: "edit_message", message_id, message: `e${this.#agenda.id()}` };
    if (kind < 0.75) return { type: "delete", message_id };
    return { type: "react", message_id, emoji: kind < 0.9 ? "👍" : "🎉" };
  }

  #isAtRest(): boolean {
    return (
      this.#agenda.isEmpty &&
      this.#clients.every((client) => client.waiting === 0 && client.isUpToDate) &&
      this.#clients.every((client) => client.rev === (this.#room?.it.rev ?? client.rev))
    );
  }

  // Objects

  #wakeRoom(): { it: Room; life: Life } {
    if (this.#room) return this.#room;
    const life: Life = { alive: true, timers: 0, calls: 0 };
    const it = new Room({
      room: ROOM,
      store: this.#roomStore,
      sealer: reversed,
      now: () => this.#agenda.now,
      setTimer: (run, ms) => this.#agenda.setTimer(run, ms, life),
      wakeAt: (due) => {
        if (life.alive) this.#roomAlarm = due;
      },
      gateway: (name) => ({
        deliver: (delivery) =>
          this.#agenda.call(life, (callee) => {
            const gateway = this.#wakeGateway(name);
            callee(gateway.life);
            const pass: Deliver = (each) => gateway.it.deliver(each);
            return this.#plant.deliver ? this.#plant.deliver(pass, delivery) : pass(delivery);
          }),
      }),
      project: async () => undefined,
      record: async () => undefined,
      failed: () => undefined,
    });
    this.#room = { it, life };
    return this.#room;
  }

  #wakeGateway(name: string): { it: Gateway; life: Life } {
    const known = this.#gateways.get(name);
    if (known) return known;
    const life: Life = { alive: true, timers: 0, calls: 0 };
    const store = this.#stores.get(name);
    if (!store) throw new Error("no such gateway");
    const call = <T>(make: (room: Room) => T) =>
      this.#agenda.call(life, async (callee) => {
        const room = this.#wakeRoom();
        callee(room.life);
        return make(room.it);
      });
    const it = new Gateway(
      {
        name,
        store,
        now: () => this.#agenda.now,
        random: () => `r${this.#agenda.id()}`,
        room: () => ({
          visit: (visit) => call((room) => room.visit(visit)),
          act: (action) =>
            call((room) => {
              this.#plant.act?.(this.#roomStore);
              return room.act(action);
            }),
          typing: (by) => call((room) => room.typing(by)),
          history: (before, limit) => call((room) => room.history(before, limit)),
        }),
        open: () => this.#agenda.call(life, async () => ({ ok: true, config: this.#config, standing: "member" })),
        markRead: async () => undefined,
        tellOnline: async () => undefined,
        setTimer: (run, ms) => this.#agenda.setTimer(run, ms, life),
        wakeAt: (due) => {
          if (life.alive) this.#gatewayAlarms.set(name, due);
        },
        failed: () => undefined,
      },
      this.#links.of(name, life),
    );
    const awake = { it, life };
    this.#gateways.set(name, awake);
    return awake;
  }

  /** What was refused for a while may stand anywhere, also when its sender was never told. */
  #refused(nonce: string): void {
    for (const sent of this.#clients.flatMap((client) => client.sent)) {
      if (sent.frame.nonce === nonce) sent.ordered = false;
    }
  }

  #crashRoom(): void {
    if (!this.#room) return;
    this.#counts.crashes += 1;
    this.#room.life.alive = false;
    this.#room = null;
  }

  #crashGateway(name: string): void {
    const gateway = this.#gateways.get(name);
    if (!gateway) return;
    this.#counts.crashes += 1;
    gateway.life.alive = false;
    this.#gateways.delete(name);
    this.#links.cutAll(name);
  }

  /** Nothing falls asleep while a timer or a call of its own runs. */
  #sleepRoom(): void {
    if (!this.#room || this.#room.life.timers > 0 || this.#room.life.calls > 0) return;
    this.#counts.sleeps += 1;
    this.#room.life.alive = false;
    this.#room = null;
  }

  #sleepGateway(name: string): void {
    const gateway = this.#gateways.get(name);
    if (!gateway || gateway.life.timers > 0 || gateway.life.calls > 0) return;
    this.#counts.sleeps += 1;
    gateway.life.alive = false;
    this.#gateways.delete(name);
  }

  // Clients

  #newClient(gateway: string): ChatClient {
    const n = this.#clients.length;
    const network: ChatNetwork = {
      open: (options) => this.#links.open(gateway, n, options),
      setTimer: (run, ms) => this.#agenda.setTimer(run, ms, null),
      random: this.#agenda.random,
    };
    const join = { type: "join", channel: "general" } as const;
    return new ChatClient({ origin: "http://schedule", name: `c${n}`, batched: n % 2 === 0, join, network });
  }
}

export const runSchedule = (seed: number, options?: ScheduleOptions): Promise<Outcome> =>
  new Schedule(seed, options).run();
