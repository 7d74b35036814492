/**
 * The real gateways and rooms in a world that a seed makes up: calls are lost, come twice, late and in any order,
 * objects crash and fall asleep between any two steps, sockets break. Time stands still but when nothing else is to be
 * done. Whatever happens, `judge` must find nothing lost, doubled or in another order.
 */
import type { ChannelConfig } from "#contract/chat";
import type { ServerFrame } from "#contract/chat-frames";
import type { ChatGatewayRpc } from "#contract/chat-rpc";
import { Gateway } from "../../durable-objects/chat/gateway.ts";
import { Room } from "../../durable-objects/chat/room.ts";
import type { ChatSocket, SeatMemory } from "../../durable-objects/chat/seat.ts";
import { type Action, ChatClient, type ChatNetwork } from "./chat-client.ts";
import { judge, type Verdict } from "./chat-history.ts";
import type { ChatSocketOptions } from "./chat-socket.ts";
import { NodeStore, reversed } from "./chat-store.ts";

const ROOM = 7;
const GATEWAYS = ["auto:0", "auto:1"];
const CLIENTS_PER_GATEWAY = 2;
const STARTED_AT = 1_800_000_000_000;
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

/** Mulberry32: quick, and good enough to make up schedules. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Timer = { at: number; run(): void; owner: Life | null };
/** An object in memory: what it is given works until it is lost. */
type Life = { alive: boolean; timers: number; calls: number };
type Link = { options: ChatSocketOptions; gateway: string; open: boolean; id: string };

class LostCall extends Error {}

/** Databases of schedules that are over. */
const idle: NodeStore[] = [];

function borrow(): NodeStore {
  const store = idle.pop() ?? new NodeStore();
  store.empty();
  return store;
}

export class Schedule {
  readonly #random: () => number;
  readonly #plant: Plant;
  readonly #clients: ChatClient[] = [];
  readonly #counts = { crashes: 0, sleeps: 0, drops: 0, lost: 0, twice: 0, changes: 0 };
  /** What may happen next, in any order but for what is `after` something else. */
  #pending: { run(): void }[] = [];
  readonly #timers = new Set<Timer>();
  #now = STARTED_AT;
  #faults = true;
  #left: number;
  #ids = 0;

  readonly #roomStore: NodeStore;
  #room: { it: Room; life: Life } | null = null;
  #roomAlarm: number | null = null;
  readonly #stores: Map<string, NodeStore>;
  readonly #gateways = new Map<string, { it: Gateway; life: Life }>();
  readonly #gatewayAlarms = new Map<string, number | null>();
  readonly #links = new Map<string, Link>();
  readonly #memories = new Map<string, SeatMemory | null>();
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
    this.#random = randomFrom(seed);
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
    this.#faults = false;
    while (!this.#isAtRest() && steps++ < STEPS_MAX) await this.#step();
    const stuck = this.#clients.flatMap((client) => {
      if (client.waiting > 0) return [`${client.name} waits for ${client.waiting} of its own`];
      return client.isUpToDate ? [] : [`${client.name} is not up to date`];
    });
    this.#counts.changes = this.#room?.it.rev ?? 0;
    for (const client of this.#clients) client.end();
    const verdict = judge(this.#clients);
    idle.push(this.#roomStore, ...this.#stores.values());
    return { ...verdict, counts: this.#counts, stuck };
  }

  /** One thing happens, and everything that follows from it at once. */
  async #step(): Promise<void> {
    const [next] = this.#pending.length > 0 ? this.#pending.splice(this.#below(this.#pending.length), 1) : [];
    if (this.#faults && this.#chance(0.06)) this.#fault();
    else if (this.#faults && this.#chance(0.15)) this.#act();
    // Time passes while calls are under way, too.
    if (next && !this.#chance(0.1)) next.run();
    else {
      if (next) this.#pending.push(next);
      this.#passTime();
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #passTime(): void {
    const due = [...this.#timers].reduce<Timer | null>((a, b) => (a === null || b.at < a.at ? b : a), null);
    const alarms = [this.#roomAlarm, ...this.#gatewayAlarms.values()]
      .filter((at) => at !== null)
      .filter((at) => at < STARTED_AT + FORGOTTEN_MS);
    const alarm = alarms.length > 0 ? Math.min(...alarms) : null;
    if (due !== null && (alarm === null || due.at <= alarm)) {
      this.#now = Math.max(this.#now, due.at);
      this.#timers.delete(due);
      if (due.owner) due.owner.timers -= 1;
      if (due.owner?.alive ?? true) due.run();
    } else if (alarm !== null) {
      this.#now = Math.max(this.#now, alarm);
      this.#ring();
    }
  }

  #ring(): void {
    if (this.#roomAlarm !== null && this.#roomAlarm <= this.#now) {
      this.#roomAlarm = null;
      void this.#wakeRoom().it.alarm();
    }
    for (const [name, at] of this.#gatewayAlarms) {
      if (at === null || at > this.#now) continue;
      this.#gatewayAlarms.set(name, null);
      void this.#wakeGateway(name).it.alarm();
    }
  }

  #fault(): void {
    const kind = this.#random();
    const name = GATEWAYS[this.#below(GATEWAYS.length)] ?? "";
    if (kind < 0.25) this.#crashRoom();
    else if (kind < 0.45) this.#crashGateway(name);
    else if (kind < 0.6) this.#sleepRoom();
    else if (kind < 0.8) this.#sleepGateway(name);
    else {
      this.#counts.drops += 1;
      this.#clients[this.#below(this.#clients.length)]?.drop();
    }
  }

  #act(): void {
    const client = this.#clients[this.#below(this.#clients.length)];
    if (!client || client.rev === null) return;
    this.#left -= 1;
    client.do(this.#action(client));
  }

  /** Mostly messages; or something about one that this client was shown. */
  #action({ shown }: ChatClient): Action {
    const ids = shown.flatMap((each) => (each.type === "message" ? [each.id] : []));
    const message_id = ids[this.#below(ids.length)];
    const kind = this.#random();
    if (message_id === undefined || kind < 0.5) {
      return { type: "message", message: `m${++this.#ids}`, ...(message_id && kind < 0.1 && { reply_to: message_id }) };
    }
    if (kind < 0.65) return { type: "edit_message", message_id, message: `e${++this.#ids}` };
    if (kind < 0.75) return { type: "delete", message_id };
    return { type: "react", message_id, emoji: kind < 0.9 ? "👍" : "🎉" };
  }

  #isAtRest(): boolean {
    return (
      this.#pending.length === 0 &&
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
      now: () => this.#now,
      setTimer: (run, ms) => this.#setTimer(run, ms, life),
      wakeAt: (due) => {
        if (life.alive) this.#roomAlarm = due;
      },
      gateway: (name) => ({
        deliver: (delivery) =>
          this.#call(life, (callee) => {
            const gateway = this.#wakeGateway(name);
            callee(gateway.life);
            const pass: Deliver = (each) => gateway.it.deliver(each);
            return this.#plant.deliver ? this.#plant.deliver(pass, delivery) : pass(delivery);
          }),
      }),
      project: async () => undefined,
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
      this.#call(life, async (callee) => {
        const room = this.#wakeRoom();
        callee(room.life);
        return make(room.it);
      });
    const sockets = [...this.#links.values()].flatMap((link) => {
      const memory = this.#memories.get(link.id);
      return link.gateway === name && link.open && memory ? [{ socket: this.#socket(link, life), memory }] : [];
    });
    const it = new Gateway(
      {
        name,
        store,
        now: () => this.#now,
        random: () => `r${++this.#ids}`,
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
        open: () => this.#call(life, async () => ({ ok: true, config: this.#config, standing: "member" })),
        markRead: async () => undefined,
        tellOnline: async () => undefined,
        setTimer: (run, ms) => this.#setTimer(run, ms, life),
        wakeAt: (due) => {
          if (life.alive) this.#gatewayAlarms.set(name, due);
        },
        failed: () => undefined,
      },
      sockets,
    );
    const awake = { it, life };
    this.#gateways.set(name, awake);
    return awake;
  }

  #socket(link: Link, life: Life): ChatSocket {
    return {
      id: link.id,
      send: (text) => {
        if (!life.alive) return;
        const parsed: ServerFrame | ServerFrame[] = JSON.parse(text);
        const frames = Array.isArray(parsed) ? parsed : [parsed];
        for (const frame of frames) if (frame.type === "error" && frame.nonce) this.#refused(frame.nonce);
        if (link.open) this.#toClient(link, frames);
      },
      close: (code) => this.#cut(link, code, false),
      remember: (memory) => {
        if (life.alive) this.#memories.set(link.id, structuredClone(memory));
      },
      isOpen: () => link.open,
      pingedAt: () => this.#now,
    };
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
    for (const link of this.#links.values()) if (link.gateway === name) this.#cut(link, 1006, false);
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

  #setTimer(run: () => void, ms: number, owner: Life | null): () => void {
    const timer: Timer = { at: this.#now + ms, run, owner };
    if (owner && !owner.alive) return () => undefined;
    if (owner) owner.timers += 1;
    this.#timers.add(timer);
    return () => {
      if (this.#timers.delete(timer) && owner) owner.timers -= 1;
    };
  }

  /**
   * A call arrives some time, and so does its answer; either may get lost, and then the caller is told that it failed.
   * It may also be carried out a second time, later. `make` says which object it is carried out by.
   */
  #call<T>(caller: Life, make: (callee: (life: Life) => void) => Promise<T>): Promise<T> {
    if (!caller.alive) return new Promise(() => undefined);
    caller.calls += 1;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = (done: () => void) =>
      this.#pending.push({
        run: () => {
          caller.calls -= 1;
          if (caller.alive) done();
        },
      });
    const carryOut = async (): Promise<T> => {
      let by: Life | undefined;
      const answer = await make((life) => {
        by = life;
        life.calls += 1;
      });
      if (by) by.calls -= 1;
      if (by && !by.alive) throw new LostCall("the object was lost");
      return answer;
    };
    const isLost = this.#faults && this.#chance(0.04);
    const isAnswerLost = this.#faults && this.#chance(0.04);
    if (this.#faults && this.#chance(0.04)) {
      this.#counts.twice += 1;
      this.#pending.push({ run: () => void carryOut().catch(() => undefined) });
    }
    if (isLost || isAnswerLost) this.#counts.lost += 1;
    if (isLost) settle(() => reject(new LostCall("the call was lost")));
    else {
      this.#pending.push({
        run: () =>
          void carryOut().then(
            (answer) => settle(() => (isAnswerLost ? reject(new LostCall("the answer was lost")) : resolve(answer))),
            (error) => settle(() => reject(error)),
          ),
      });
    }
    return promise;
  }

  // Clients

  #newClient(gateway: string): ChatClient {
    const n = this.#clients.length;
    const network: ChatNetwork = {
      open: (options) => this.#connect(gateway, n, options),
      setTimer: (run, ms) => this.#setTimer(run, ms, null),
      random: this.#random,
    };
    const join = { type: "join", channel: "general" } as const;
    return new ChatClient({ origin: "http://schedule", name: `c${n}`, batched: n % 2 === 0, join, network });
  }

  /** Frames of one socket keep their order, in each direction. */
  #connect(gateway: string, n: number, options: ChatSocketOptions) {
    const link: Link = { options, gateway, open: true, id: `s${++this.#ids}` };
    const { promise, resolve } = Promise.withResolvers<{ send(frame: unknown): void; terminate(): void }>();
    const up: string[] = [];
    this.#pending.push({
      run: () => {
        this.#links.set(link.id, link);
        const { it, life } = this.#wakeGateway(gateway);
        const profile = { user_id: n + 1, username: `u${n}`, nickname: null, anonymous: false, avatar: {} };
        it.connect(
          this.#socket(link, life),
          {
            kind: "user",
            user_id: n + 1,
            session: `session${n}`,
            expires_at: null,
            scopes: [],
            stream_id: null,
            profile: { ...profile, role: "moderator" },
            status: "online",
            status_message: "",
          },
          options.batched ?? false,
        );
        resolve({
          send: (frame) => {
            up.push(JSON.stringify(frame));
            this.#pending.push({
              run: () => {
                const text = up.shift();
                if (text !== undefined && link.open) this.#wakeGateway(gateway).it.receive(link.id, text);
              },
            });
          },
          terminate: () => this.#cut(link, 1006, true),
        });
      },
    });
    return promise;
  }

  readonly #down = new Map<string, ServerFrame[]>();

  #toClient(link: Link, frames: ServerFrame[]): void {
    const queue = this.#down.get(link.id) ?? [];
    this.#down.set(link.id, queue);
    for (const frame of frames) {
      queue.push(frame);
      this.#pending.push({
        run: () => {
          const next = queue.shift();
          if (!next || !link.open) return;
          if (next.type === "sync")
            this.#wakeGateway(link.gateway).it.receive(link.id, `{"type":"synced","n":${next.n}}`);
          else link.options.onFrame(next);
        },
      });
    }
  }

  /** Whatever is on its way is lost. */
  #cut(link: Link, code: number, byClient: boolean): void {
    if (!link.open) return;
    link.open = false;
    this.#links.delete(link.id);
    this.#memories.delete(link.id);
    this.#pending.push({ run: () => link.options.onClose?.(code, "") });
    // The other side notices later, if it still runs.
    if (byClient) this.#pending.push({ run: () => this.#gateways.get(link.gateway)?.it.disconnect(link.id) });
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }
}

export const runSchedule = (seed: number, options?: ScheduleOptions): Promise<Outcome> =>
  new Schedule(seed, options).run();
