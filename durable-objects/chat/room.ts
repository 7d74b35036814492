/**
 * One chat room, without anything of the runtime: clock, storage, gateways and timers come in as parameters, so that
 * tests can run it through any schedule. Every method is synchronous: what it changes is in storage when it returns,
 * in one transaction, and goes to the gateways after that.
 */
import {
  type ChannelConfig,
  type ChatMessage,
  type ChatProfile,
  RETENTION_MS,
  shownProfile,
  UNREAD_MAX,
} from "#contract/chat";
import type { ServerFrame } from "#contract/chat-frames";
import type {
  ActReply,
  ChatGatewayRpc,
  Deed,
  HistoryReply,
  News,
  RoomAction,
  Snapshot,
  Update,
  Visit,
  VisitReply,
} from "#contract/chat-rpc";
import { roomOf, SEQ_MAX, seqOf } from "#kit/message-id";
import { newestLive } from "./newest-live.ts";
import { type Done, RoomActions } from "./room-actions.ts";
import { RoomDeeds } from "./room-deeds.ts";
import { RoomDelivery } from "./room-delivery.ts";
import { type ChangeData, RoomFrames } from "./room-frames.ts";
import { RoomHistory } from "./room-history.ts";
import { RoomLog } from "./room-log.ts";
import { RoomPresence } from "./room-presence.ts";
import { RoomRecords, type Subscriber } from "./room-records.ts";
import { expireMessages, RoomProjection } from "./room-upkeep.ts";
import type { Sealer, Store } from "./store.ts";

export const ROOM_LEASE_MS = 10 * 60_000;
/** A change that a gateway may not have yet is looked after by the alarm, should the room be lost meanwhile. */
const DELIVERY_NET_MS = 1_000;
/** Beyond so many readers nobody is told who is typing. */
const TYPING_READERS = 50;

export type RoomWorld = {
  /** The room's number. */
  room: number;
  store: Store;
  sealer: Sealer;
  now(): number;
  gateway(name: string): Pick<ChatGatewayRpc, "deliver">;
  setTimer(action: () => void, ms: number): void;
  /** The one alarm, which outlives the room in memory; null: none. */
  wakeAt(due: number | null): void;
  /** Tells D1 the number of the newest message. */
  project(seq: number): Promise<void>;
  /** Writes to the audit log what is not there yet. */
  record(deeds: Deed[]): Promise<void>;
  failed(what: string, error: unknown, about?: Record<string, unknown>): void;
};

export class Room {
  readonly #world: RoomWorld;
  readonly #records: RoomRecords;
  readonly #frames: RoomFrames;
  readonly #actions: RoomActions;
  readonly #history: RoomHistory;
  readonly #log: RoomLog;
  readonly #presence: RoomPresence;
  readonly #projection: RoomProjection;
  readonly #deeds: RoomDeeds;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #deliveries = new Map<string, RoomDelivery>();
  /** The number of the last visit, by gateway. */
  readonly #visits = new Map<string, number>();
  #config: ChannelConfig | null;
  #destroyed: boolean;
  #seq: number;
  #deliverBy: number | null = null;

  constructor(world: RoomWorld) {
    this.#world = world;
    this.#records = new RoomRecords(world.store, world.sealer);
    this.#frames = new RoomFrames(world.room, this.#records);
    this.#actions = new RoomActions(world.room, this.#records);
    this.#history = new RoomHistory(this.#records, this.#frames);
    const row = this.#records.room();
    this.#log = new RoomLog(this.#records, this.#frames, row.rev);
    this.#config = row.config === null ? null : (JSON.parse(row.config) as ChannelConfig);
    this.#destroyed = row.destroyed === 1;
    this.#seq = row.seq;
    this.#projection = new RoomProjection(world, this.#records, row.projected_seq);
    this.#deeds = new RoomDeeds(world, this.#records);
    this.#presence = new RoomPresence(
      {
        room: world.room,
        rev: () => this.#log.rev,
        tell: (news) => this.#tell(news),
        setTimer: world.setTimer,
      },
      this.#records,
    );
    for (const subscriber of this.#records.subscribers()) {
      this.#subscribers.set(subscriber.gateway, subscriber);
      this.#deliverTo(subscriber, row.rev, false);
      // What was under way when the room was lost is not known: they are asked.
      this.#deliverBy = world.now() + DELIVERY_NET_MS;
    }
  }

  get rev(): number {
    return this.#log.rev;
  }

  visit(visit: Visit): VisitReply {
    if (visit.config) this.configure(visit.config);
    if (this.#config === null) return { ok: false };
    const now = this.#world.now();
    const subscriber = this.#records.transaction(() => this.#subscribe(visit, now));
    const updates = visit.since === null ? null : this.#log.since(visit.since, this.#config);
    const wantsAll = visit.snapshot || (visit.since !== null && updates === null);
    this.#schedule();
    return {
      ok: true,
      rev: this.#log.rev,
      lease_until: subscriber?.lease_until ?? now,
      config: this.#config,
      updates,
      snapshot: wantsAll ? this.#snapshot() : null,
    };
  }

  act(action: RoomAction): ActReply {
    const config = this.#config;
    if (config === null) return { ok: false, code: "not_found", message: "This channel is gone" };
    const { by, nonce } = action;
    const now = this.#world.now();
    const repeated = this.#actions.repeated(action, now);
    if (repeated) {
      if (!repeated.ok) return repeated;
      const { rev, seq } = repeated.change;
      return { ok: true, rev, message_id: this.#frames.id(seq ?? 0), again: this.#frames.frame(repeated.change) };
    }
    if (action.kind === "message" && this.#seq >= SEQ_MAX) {
      return { ok: false, code: "forbidden", message: "This channel is full" };
    }
    const written = this.#records.transaction(() => {
      const outcome = this.#actions.run(action, config, this.#seq + 1, now);
      return outcome.ok ? this.#write(outcome.done, now, { user_id: by.user_id, nonce }) : outcome;
    });
    if ("ok" in written) return written;
    this.#publish(written.update, written.seq);
    return { ok: true, rev: written.update.rev, message_id: this.#frames.id(written.of), again: null };
  }

  typing(by: ChatProfile): void {
    if (this.#presence.total + this.#presence.guests > TYPING_READERS) return;
    const { user_id, username } = shownProfile(by);
    const where = { channel_id: this.#world.room, rev: this.#log.rev };
    const frame = JSON.stringify({ type: "typing", ...where, user_id, username } satisfies ServerFrame);
    this.#tell({ frame, ...(by.user_id !== null && { except: by.user_id }) });
  }

  history(before_id: number, limit: number): HistoryReply {
    if (this.#config === null || roomOf(before_id) !== this.#world.room) {
      return { history: [], has_more: false, rev: this.#log.rev };
    }
    return { ...this.#history.page(seqOf(before_id), limit), rev: this.#log.rev };
  }

  thread(message_id: number, reader: number): ChatMessage[] {
    const seq = roomOf(message_id) === this.#world.room ? seqOf(message_id) : null;
    return this.#history.thread(seq, reader);
  }

  configure(config: ChannelConfig): void {
    const before = this.#config;
    if (this.#destroyed || config.id !== this.#world.room) return;
    if (before && config.version <= before.version) {
      const { stream } = config;
      if (stream) this.streamStatus(stream.id, stream.is_live, stream.live_version);
      return;
    }
    const next = newestLive(config, before?.stream);
    if (before === null) {
      this.#setConfig(next);
      return;
    }
    const data = { old_name: before.name, new_name: config.name };
    this.#change(
      before.name === config.name ? { kind: "updated", seq: null, data: {} } : { kind: "renamed", seq: null, data },
      next,
    );
  }

  streamStatus(stream_id: number, is_live: 0 | 1 | 2, live_version: number): void {
    const config = this.#config;
    // A room that nobody has come to yet reads it from D1 when somebody does.
    if (!config?.stream || config.stream.id !== stream_id || live_version <= config.stream.live_version) return;
    const next = { ...config, stream: { ...config.stream, is_live, live_version } };
    if (is_live === config.stream.is_live) this.#setConfig(next);
    else this.#change({ kind: "stream", seq: null, data: { stream_id, is_live } }, next);
  }

  newest(): number[] {
    return this.#records.newest(UNREAD_MAX);
  }

  clear({ user_id, username }: { user_id: number; username: string }, order: string): number {
    if (this.#config === null) return 0;
    const by = { user_id, nonce: `~${order}` };
    const repeated = this.#records.changeByNonce(user_id, by.nonce);
    if (repeated) return (JSON.parse(repeated.data) as ChangeData["cleared"]).count;
    const channel = this.#config.name;
    const { count, update } = this.#records.transaction(() => {
      const count = this.#records.clear();
      const data = { channel, by: username, count };
      return { count, ...this.#write({ kind: "cleared", seq: null, data }, this.#world.now(), by) };
    });
    this.#publish(update, this.#seq);
    return count;
  }

  destroy(): void {
    if (this.#destroyed) return;
    const frame = JSON.stringify({
      type: "channel_deleted",
      channel_id: this.#world.room,
      rev: this.#log.rev + 1,
      channel: this.#config?.name ?? "",
    } satisfies ServerFrame);
    const gateways = [...this.#subscribers.values()];
    this.#records.transaction(() => this.#records.destroy());
    for (const delivery of this.#deliveries.values()) delivery.end();
    const after = this.#log.rev;
    this.#config = null;
    this.#destroyed = true;
    this.#subscribers.clear();
    this.#deliveries.clear();
    this.#presence.clear();
    this.#history.forget();
    this.#world.wakeAt(this.#deeds.due(this.#world.now()));
    for (const { gateway, epoch } of gateways) {
      const updates: Update[] = [{ rev: after + 1, frame, ends: true }];
      this.#world
        .gateway(gateway)
        .deliver({ room: this.#world.room, epoch, after, updates, news: [], reset: false })
        // Whoever missed it is told at the gateway's next visit.
        .catch((error: unknown) =>
          this.#world.failed("a gateway was not told that its room is gone", error, { gateway }),
        );
    }
  }

  /** The alarm rang. */
  async alarm(): Promise<void> {
    const now = this.#world.now();
    if (this.#config !== null) await this.#upkeep(now);
    await this.#deeds.run(now);
    if (this.#config !== null) this.#schedule();
    else this.#world.wakeAt(this.#deeds.due(now));
  }

  async #upkeep(now: number): Promise<void> {
    this.#deliverBy = null;
    this.#records.transaction(() => {
      for (const { gateway, epoch, lease_until } of [...this.#subscribers.values()]) {
        if (lease_until <= now) this.#unsubscribe(gateway, epoch);
      }
      if (expireMessages(this.#records, now)) this.#history.forget();
    });
    for (const delivery of this.#deliveries.values()) delivery.kick();
    if ([...this.#deliveries.values()].some(({ pending }) => pending)) this.#deliverBy = now + DELIVERY_NET_MS;
    await this.#projection.run(this.#seq, now);
  }

  #subscribe(visit: Visit, now: number): Subscriber | null {
    const { gateway, epoch } = visit;
    const before = this.#subscribers.get(gateway);
    if (visit.bye) {
      if (before?.epoch === epoch) this.#unsubscribe(gateway, epoch);
      return null;
    }
    if (before && (epoch < before.epoch || (epoch === before.epoch && visit.n < (this.#visits.get(gateway) ?? 0)))) {
      return before;
    }
    if (before && before.epoch !== epoch) this.#unsubscribe(gateway, before.epoch);
    this.#visits.set(gateway, visit.n);
    const subscriber = { gateway, epoch, lease_until: now + ROOM_LEASE_MS, guests: visit.guests };
    this.#subscribers.set(gateway, subscriber);
    this.#records.setSubscriber(subscriber);
    for (const user of visit.entered) if (user.user_id !== null) this.#presence.enter(gateway, user.user_id, user);
    for (const user_id of visit.left) this.#presence.leave(gateway, user_id);
    this.#presence.setGuests(gateway, visit.guests);
    // What it is told now it has, and who comes is told to the others: from here on the room sends.
    if (before?.epoch !== epoch) this.#deliverTo(subscriber, this.#log.rev, true);
    return subscriber;
  }

  #unsubscribe(gateway: string, epoch: number): void {
    if (this.#subscribers.get(gateway)?.epoch !== epoch) return;
    this.#subscribers.delete(gateway);
    this.#visits.delete(gateway);
    this.#deliveries.get(gateway)?.end();
    this.#deliveries.delete(gateway);
    this.#records.removeSubscriber(gateway);
    this.#presence.leaveAll(gateway);
  }

  #deliverTo({ gateway, epoch }: Subscriber, acked: number, sure: boolean): void {
    const { room, setTimer } = this.#world;
    const world = {
      room,
      setTimer,
      gateway: (name: string) => this.#world.gateway(name),
      rev: () => this.#log.rev,
      since: (rev: number) => (this.#config === null ? [] : this.#log.since(rev, this.#config)),
      gone: (name: string, of: number) => this.#records.transaction(() => this.#unsubscribe(name, of)),
      failed: (name: string, error: unknown) => this.#world.failed("a delivery failed", error, { gateway: name }),
    };
    this.#deliveries.set(gateway, new RoomDelivery(world, gateway, epoch, acked, sure));
  }

  #setConfig(config: ChannelConfig): void {
    this.#records.setConfig(JSON.stringify(config));
    this.#config = config;
  }

  /** A change of the channel itself, in a transaction of its own. */
  #change(change: Done, config: ChannelConfig): void {
    const { update } = this.#records.transaction(() => {
      this.#records.setConfig(JSON.stringify(config));
      return this.#write(change, this.#world.now(), undefined, config);
    });
    this.#config = config;
    this.#publish(update, this.#seq);
  }

  /** Inside a transaction. `seq`: the highest number given once it holds; `of`: the message it is about. */
  #write(
    { kind, seq: of, data }: Done,
    at: number,
    by: { user_id: number; nonce: string } = { user_id: 0, nonce: "" },
    config?: ChannelConfig,
  ): { update: Update; seq: number; of: number } {
    const user_id = by.nonce === "" ? null : by.user_id;
    const nonce = by.nonce === "" ? null : by.nonce;
    const update = this.#log.write({ kind, seq: of, data, at, user_id, nonce }, config);
    const seq = kind === "message" ? this.#seq + 1 : this.#seq;
    this.#records.setNumbers(update.rev, seq);
    return { update, seq, of: of ?? 0 };
  }

  /** Once the transaction has held. */
  #publish(update: Update, seq: number): void {
    this.#seq = seq;
    this.#log.published(update);
    for (const delivery of this.#deliveries.values()) delivery.kick();
    const now = this.#world.now();
    if (this.#deliveries.size > 0) this.#deliverBy ??= now + DELIVERY_NET_MS;
    this.#schedule();
  }

  #tell(news: News): void {
    for (const delivery of this.#deliveries.values()) {
      delivery.tell(news);
      delivery.kick();
    }
  }

  #snapshot(): Snapshot {
    const { total, guests } = this.#presence;
    return { ...this.#history.newest(this.#log.rev, this.#seq), users: this.#presence.list(), total, guests };
  }

  #schedule(): void {
    const oldest = this.#records.oldestAt();
    const leases = [...this.#subscribers.values()].map(({ lease_until }) => lease_until);
    const due = [
      ...leases,
      this.#deliverBy,
      this.#projection.due(this.#seq, this.#world.now()),
      this.#deeds.due(this.#world.now()),
      oldest === null ? null : oldest + RETENTION_MS,
    ];
    const times = due.filter((at) => at !== null);
    this.#world.wakeAt(times.length > 0 ? Math.min(...times) : null);
  }
}
