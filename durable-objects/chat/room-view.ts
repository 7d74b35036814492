/**
 * One room as a gateway sees it: who is there, how far they are, and what was sent last. Changes reach each listener in
 * order and once, whatever the order in which visits and deliveries are answered: `rev` is the last change that
 * everybody here has, or will have with the next batch.
 */
import type { ChannelConfig } from "#contract/chat";
import type { ChatUser } from "#contract/chat-frames";
import type { Delivery, DeliveryReply, News, Update, Visit, VisitReply } from "#contract/chat-rpc";
import { Attendance } from "./attendance.ts";
import { Ring } from "./ring.ts";
import { RoomListeners } from "./room-listeners.ts";
import { type Arrival, RoomWants, type Want } from "./room-wants.ts";
import { isTooMuch, type Seat } from "./seat.ts";
import { channelInfo } from "./snapshot-frames.ts";

const RING_KEPT = 256;
const VISIT_TRIES = 4;
const VISIT_RETRY_MS = [50, 250, 1_000];
/** A lease with no more left may be over when a visit arrives, and with it all that the room knows of who is here. */
const LAPSING_MS = 60_000;

export type ViewWorld = {
  gateway: string;
  now(): number;
  setTimer(action: () => void, ms: number): void;
  /** A new stub each time: a failed call breaks its stub. */
  visit(room: number, visit: Visit): Promise<VisitReply>;
  /** `rev` has moved: to be kept before the gateway sleeps. */
  moved(view: RoomView): void;
  /** The channel is gone, or could not be reached: these seats are nowhere now. */
  lost(seats: Seat[], why: "gone" | "unavailable"): void;
  /** Who may be here is to be looked at again. */
  configured(view: RoomView): void;
  failed(what: string, error: unknown, about?: Record<string, unknown>): void;
};

export class RoomView {
  readonly room: number;
  readonly epoch: number;
  /** As the room has it. */
  config: ChannelConfig | null = null;
  leaseUntil = 0;
  /** As D1 has it; the room may not know yet. */
  #offer: ChannelConfig | null = null;
  readonly #world: ViewWorld;
  readonly #listeners: RoomListeners;
  readonly #wants: RoomWants;
  readonly #attendance = new Attendance();
  #rev: number | null = null;
  /** Up to `rev`. */
  readonly #ring = new Ring(RING_KEPT);
  #visiting: Promise<void> | null = null;
  /** Higher than those of the same epoch before a sleep. */
  #visits: number;
  #ended = false;

  constructor(world: ViewWorld, room: number, epoch: number) {
    this.#world = world;
    this.room = room;
    this.epoch = epoch;
    this.#listeners = new RoomListeners({ now: world.now, setTimer: world.setTimer, rev: () => this.#rev });
    this.#wants = new RoomWants(room, (seat, rev, how) => this.#settle(seat, rev, how));
    this.#visits = world.now();
  }

  /** After a sleep: everybody here had everything up to `rev`. */
  restore(rev: number, config: ChannelConfig, leaseUntil: number): void {
    this.#rev = rev;
    this.config = config;
    this.leaseUntil = leaseUntil;
  }

  restoreSeat(seat: Seat): void {
    this.#attendance.restore(seat);
    this.#listeners.add(seat);
  }

  get rev(): number | null {
    return this.#rev;
  }

  get empty(): boolean {
    return this.#listeners.size === 0 && this.#wants.size === 0;
  }

  seats(): Seat[] {
    return [...new Set([...this.#listeners.seats(), ...this.#wants.seats()])];
  }

  has(seat: Seat): boolean {
    return this.#listeners.has(seat) || this.#wants.has(seat);
  }

  offer(config: ChannelConfig): void {
    if (!this.#offer || config.version >= this.#offer.version) this.#offer = config;
  }

  /** Brings a seat in, or a present one up to date. `user`: as the others see it. */
  admit(seat: Seat, since: number | null, user: ChatUser | null): void {
    if (!this.has(seat)) this.#attendance.enter(seat, user);
    this.#drop(seat);
    if (since !== null && since <= (this.#rev ?? -1) && this.#catchUp(seat, since, "resumed")) seat.remember();
    else this.#wants.add({ seat, since, resumes: since !== null });
    this.tellRoom();
  }

  /** Somebody who is here looks different. */
  changed(user_id: number, user: ChatUser): void {
    this.#attendance.changed(user_id, user);
    this.tellRoom();
  }

  /** The room is not told before `tellRoom` or `bye`. */
  remove(seat: Seat): void {
    if (!this.has(seat)) return;
    this.#drop(seat);
    this.#attendance.leave(seat);
  }

  /** Of who came and went. */
  tellRoom(): void {
    if (!this.#ended && (this.#wants.size > 0 || this.#attendance.untold)) void this.visit();
  }

  /** A slow reader has read all: what it missed follows. */
  caughtUp(seat: Seat): void {
    if (this.#listeners.isLagging(seat)) this.admit(seat, seat.rev, null);
  }

  end(): void {
    this.#ended = true;
  }

  /** Ends the subscription. */
  async bye(): Promise<void> {
    this.#ended = true;
    await this.#visiting;
    try {
      await this.#world.visit(this.room, { ...this.#visitBase(), bye: true });
    } catch (error) {
      // Its next delivery is answered with `gone`, or its lease ends.
      this.#world.failed("a room was not told that nobody is there any more", error, { room: this.room });
    }
  }

  async deliver({ after, updates, news, reset }: Delivery): Promise<DeliveryReply> {
    // The first visit's answer says where this begins.
    while (this.#rev === null && this.#visiting && !this.#ended) await this.#visiting;
    if (this.#ended || this.#rev === null) return { gone: true };
    if (reset) this.#reset(after);
    else if (after <= this.#rev) this.#take(updates);
    if (news.length > 0) this.#listeners.spread(news.map((each: News) => ({ rev: null, ...each })));
    return { have: this.#rev };
  }

  /** One visit at a time serves everybody who waits. */
  visit(): Promise<void> {
    this.#visiting ??= this.#visitNow().finally(() => {
      this.#visiting = null;
      this.tellRoom();
    });
    return this.#visiting;
  }

  async #visitNow(): Promise<void> {
    if (this.leaseUntil > 0 && this.leaseUntil - this.#world.now() < LAPSING_MS) this.#attendance.again(this.seats());
    const wants = this.#wants.all();
    const news = this.#attendance.take();
    const visit: Visit = { ...this.#visitBase(), ...this.#wants.asked(wants, this.#rev), ...news };
    for (let attempt = 0; ; attempt++) {
      try {
        const reply = await this.#world.visit(this.room, visit);
        this.#attendance.told(news);
        this.#visited(reply, wants);
        return;
      } catch (error) {
        this.#world.failed("a room could not be visited", error, { room: this.room, attempt });
        if (attempt + 1 >= VISIT_TRIES || this.#ended) break;
        await new Promise<void>((resolve) => this.#world.setTimer(resolve, VISIT_RETRY_MS[attempt] ?? 1_000));
      }
    }
    this.#attendance.untell(news);
    const waiting = wants.filter((want) => this.#wants.isStill(want)).map(({ seat }) => seat);
    this.#world.lost(waiting, "unavailable");
  }

  #visited(reply: VisitReply, wants: Want[]): void {
    if (!reply.ok) {
      this.#world.lost(this.seats(), "gone");
      return;
    }
    const { rev, updates, config, lease_until } = reply;
    this.leaseUntil = lease_until;
    this.#configure(config);
    if (this.#rev === null) {
      this.#rev = rev;
      this.#ring.clear();
    } else if (updates) {
      this.#take(updates);
    }
    this.#wants.serve(wants, reply, config);
    this.#world.moved(this);
  }

  /** The seat has everything up to `rev`, and listens from now on. */
  #settle(seat: Seat, rev: number, how: Arrival): void {
    if (this.#catchUp(seat, rev, how)) seat.remember();
    // More has come meanwhile than is kept here: once more.
    else this.#wants.add({ seat, since: rev, resumes: how !== "joined" });
  }

  /** From what is kept here. False: that does not reach back far enough, or is too much. */
  #catchUp(seat: Seat, since: number, how: Arrival): boolean {
    const mark = this.#listeners.mark(seat);
    if (mark === null) return false;
    const missed = mark > since ? this.#ring.since(since, mark) : [];
    if (!missed || isTooMuch(missed)) return false;
    for (const { frame } of missed) seat.send(frame);
    seat.rev = Math.max(mark, since);
    if (how !== "joined") this.#resumed(seat, how);
    this.#listeners.add(seat);
    return true;
  }

  /** Changes of the channel tell no more than that there were some: it comes as it is now. */
  #resumed(seat: Seat, how: "resumed" | "shown"): void {
    if (how === "resumed" && this.config && seat.place) {
      seat.tell(channelInfo(this.config, seat.place.standing, seat.rev));
    }
    seat.tell({ type: "resumed", channel_id: this.room, rev: seat.rev });
  }

  /** Those that come next, of updates without gaps. */
  #take(updates: Update[]): void {
    const from = this.#rev ?? 0;
    const fresh = updates.filter(({ rev }) => rev > from);
    const [first] = fresh;
    if (!first || first.rev !== from + 1) return;
    this.#ring.push(fresh);
    this.#listeners.spread(fresh);
    this.#rev = from + fresh.length;
    this.#listeners.retire();
    // What each reader is told of the channel, or of its end, comes after it.
    if (fresh.some(({ config, ends }) => config || ends)) this.#listeners.flush();
    for (const { config } of fresh) if (config) this.#configure(config);
    this.#world.moved(this);
  }

  /** Everybody here has missed too much. */
  #reset(rev: number): void {
    this.#listeners.flush();
    // Who lags is shown it once they have read what they have.
    for (const seat of this.#listeners.dropCurrent()) this.#wants.add({ seat, since: null, resumes: false });
    this.#ring.clear();
    this.#rev = rev;
    this.#world.moved(this);
    void this.visit();
  }

  #configure(config: ChannelConfig): void {
    const before = this.config;
    const isNew =
      !before ||
      config.version > before.version ||
      (config.stream?.live_version ?? 0) > (before.stream?.live_version ?? 0);
    if (!isNew) return;
    this.config = config;
    if (before && config.version > before.version) this.#world.configured(this);
  }

  #drop(seat: Seat): void {
    this.#listeners.drop(seat);
    this.#wants.drop(seat);
  }

  #visitBase(): Visit {
    return {
      gateway: this.#world.gateway,
      epoch: this.epoch,
      n: ++this.#visits,
      config: this.#offer,
      since: null,
      snapshot: false,
      entered: [],
      left: [],
      guests: this.#attendance.guests,
      bye: false,
    };
  }
}
