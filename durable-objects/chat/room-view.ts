/**
 * One room as a gateway sees it: who listens, how far they are, and what was sent last. Changes reach each listener in
 * order and once, whatever the order in which visits and deliveries are answered: `rev` is the last change that
 * everybody here has, or will have with the next batch, and a seat that is ahead of it or lags has a mark of its own.
 */
import { BATCH_MS, type ChannelConfig } from "#contract/chat";
import { CHAT_CLOSE, type ChatUser } from "#contract/chat-frames";
import type { Delivery, DeliveryReply, News, Update, Visit, VisitReply } from "#contract/chat-rpc";
import { Attendance } from "./attendance.ts";
import { Ring } from "./ring.ts";
import { isTooMuch, type Seat } from "./seat.ts";
import { channelInfo, Snapshots } from "./snapshot-frames.ts";

const RING_KEPT = 256;
const VISIT_TRIES = 4;
const VISIT_RETRY_MS = [50, 250, 1_000];
/** A lease with no more left may be over when a visit arrives, and with it all that the room knows of who is here. */
const LAPSING_MS = 60_000;
/** Who has not caught up by then will not. */
const BEHIND_MOST_MS = 30_000;

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

/** `since`: it has everything up to there; null: it gets what a join shows. `resumes`: it waits for a `resumed`. */
type Want = { seat: Seat; since: number | null; resumes: boolean };
/** How somebody got there; `shown`: it was too long ago to resume. */
type Arrival = "joined" | "resumed" | "shown";
type Batched = News & { rev: number | null };
const textOf = (batch: Batched[]) => `[${batch.map(({ frame }) => frame).join(",")}]`;

export class RoomView {
  readonly room: number;
  readonly epoch: number;
  /** As the room has it. */
  config: ChannelConfig | null = null;
  leaseUntil = 0;
  /** As D1 has it; the room may not know yet. */
  #offer: ChannelConfig | null = null;
  readonly #world: ViewWorld;
  readonly #listeners = new Set<Seat>();
  readonly #wants = new Map<Seat, Want>();
  /** Listeners that have more than `rev`, or than the next batch begins with. */
  readonly #ahead = new Set<Seat>();
  /** Listeners that read too slowly, and which time this is; their `rev` stands still. */
  readonly #lagging = new Map<Seat, symbol>();
  readonly #attendance = new Attendance();
  #rev: number | null = null;
  /** Up to `rev`. */
  readonly #ring = new Ring(RING_KEPT);
  #batch: Batched[] = [];
  #batchAt = Number.NEGATIVE_INFINITY;
  #batchDue = false;
  #visiting: Promise<void> | null = null;
  /** Higher than those of the same epoch before a sleep. */
  #visits: number;
  #ended = false;

  constructor(world: ViewWorld, room: number, epoch: number) {
    this.#world = world;
    this.room = room;
    this.epoch = epoch;
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
    if (this.#rev !== null && seat.rev > this.#rev) this.#ahead.add(seat);
  }

  get rev(): number | null {
    return this.#rev;
  }

  get empty(): boolean {
    return this.#listeners.size === 0 && this.#wants.size === 0;
  }

  seats(): Seat[] {
    return [...new Set([...this.#listeners, ...this.#wants.keys()])];
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
    else this.#wants.set(seat, { seat, since, resumes: since !== null });
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
    if (this.#lagging.has(seat)) this.admit(seat, seat.rev, null);
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
    if (news.length > 0) this.#spread(news.map((each: News) => ({ rev: null, ...each })));
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
    const wants = [...this.#wants.values()];
    const news = this.#attendance.take();
    const marks = wants.map(({ since }) => since).filter((since) => since !== null);
    if (this.#rev !== null) marks.push(this.#rev);
    const visit: Visit = {
      ...this.#visitBase(),
      since: marks.length > 0 ? Math.min(...marks) : null,
      snapshot: wants.some(({ since }) => since === null),
      ...news,
    };
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
    const waiting = wants.filter((want) => this.#wants.get(want.seat) === want).map(({ seat }) => seat);
    this.#world.lost(waiting, "unavailable");
  }

  #visited(reply: VisitReply, wants: Want[]): void {
    if (!reply.ok) {
      this.#world.lost(this.seats(), "gone");
      return;
    }
    const { rev, updates, snapshot, config, lease_until } = reply;
    this.leaseUntil = lease_until;
    this.#configure(config);
    if (this.#rev === null) {
      this.#rev = rev;
      this.#ring.clear();
    } else if (updates) {
      this.#take(updates);
    }
    const frames = snapshot && new Snapshots(this.room, rev, snapshot);
    for (const want of wants) {
      const { seat, since, resumes } = want;
      // It may have left, or asked anew, while this was under way.
      if (this.#wants.get(seat) !== want || seat.closed) continue;
      // No change has a higher number: whatever it knows is not of this room.
      const missed = since !== null && since <= rev ? updates?.filter((update) => update.rev > since) : undefined;
      if (missed && !isTooMuch(missed)) {
        for (const { frame } of missed) seat.send(frame);
        this.#settle(seat, rev, resumes ? "resumed" : "joined");
      } else if (frames) {
        frames.send(seat, config);
        seat.shown = rev;
        this.#settle(seat, rev, resumes ? "shown" : "joined");
      } else {
        this.#wants.set(seat, { seat, since: null, resumes });
      }
    }
    this.#world.moved(this);
  }

  /** The seat has everything up to `rev`, and listens from now on. */
  #settle(seat: Seat, rev: number, how: Arrival): void {
    this.#wants.delete(seat);
    if (this.#catchUp(seat, rev, how)) seat.remember();
    // More has come meanwhile than is kept here: once more.
    else this.#wants.set(seat, { seat, since: rev, resumes: how !== "joined" });
  }

  /** From what is kept here. False: that does not reach back far enough, or is too much. */
  #catchUp(seat: Seat, since: number, how: Arrival): boolean {
    const mark = this.#mark(seat);
    if (mark === null) return false;
    const missed = mark > since ? this.#ring.since(since, mark) : [];
    if (!missed || isTooMuch(missed)) return false;
    for (const { frame } of missed) seat.send(frame);
    seat.rev = Math.max(mark, since);
    if (how !== "joined") this.#resumed(seat, how);
    this.#listeners.add(seat);
    if (seat.rev > mark) this.#ahead.add(seat);
    return true;
  }

  /** Changes of the channel tell no more than that there were some: it comes as it is now. */
  #resumed(seat: Seat, how: "resumed" | "shown"): void {
    if (how === "resumed" && this.config && seat.place) {
      seat.tell(channelInfo(this.config, seat.place.standing, seat.rev));
    }
    seat.tell({ type: "resumed", channel_id: this.room, rev: seat.rev });
  }

  /** The last change that such a seat has been sent: what waits for the next batch it has not. */
  #mark(seat: Seat): number | null {
    if (!seat.batch) return this.#rev;
    const waiting = this.#batch.find(({ rev }) => rev !== null);
    return waiting?.rev ? waiting.rev - 1 : this.#rev;
  }

  /** Those that come next, of updates without gaps. */
  #take(updates: Update[]): void {
    const from = this.#rev ?? 0;
    const fresh = updates.filter(({ rev }) => rev > from);
    const [first] = fresh;
    if (!first || first.rev !== from + 1) return;
    this.#ring.push(fresh);
    this.#spread(fresh);
    this.#rev = from + fresh.length;
    this.#retire();
    // What each reader is told of the channel, or of its end, comes after it.
    if (fresh.some(({ config, ends }) => config || ends)) this.#flush();
    for (const { config } of fresh) if (config) this.#configure(config);
    this.#world.moved(this);
  }

  /** Everybody here has missed too much. */
  #reset(rev: number): void {
    this.#flush();
    for (const seat of this.#listeners) {
      // Who lags is shown it once they have read what they have.
      if (this.#lagging.has(seat)) continue;
      this.#listeners.delete(seat);
      this.#wants.set(seat, { seat, since: null, resumes: false });
    }
    this.#ahead.clear();
    this.#ring.clear();
    this.#rev = rev;
    this.#world.moved(this);
    void this.visit();
  }

  #spread(frames: Batched[]): void {
    let anyBatch = false;
    for (const seat of this.#listeners) {
      if (seat.batch) {
        anyBatch = true;
        continue;
      }
      const isFor = this.#filterFor(seat);
      for (const each of frames) if (isFor(each)) seat.push(each.frame);
    }
    // A batch that waits has no gaps, even if its readers are gone: the next one counts on it.
    if (!anyBatch && this.#batch.length === 0) return;
    this.#batch.push(...frames);
    if (this.#batchDue) return;
    const wait = this.#batchAt + BATCH_MS - this.#world.now();
    this.#batchDue = true;
    if (wait <= 0 || wait > BATCH_MS) queueMicrotask(() => this.#flush());
    else this.#world.setTimer(() => this.#flush(), wait);
  }

  /** One text for all readers of batches. */
  #flush(): void {
    this.#batchDue = false;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchAt = this.#world.now();
    const all = textOf(batch);
    const first = batch.find(({ rev }) => rev !== null)?.rev ?? null;
    const last = batch.findLast(({ rev }) => rev !== null)?.rev ?? this.#rev ?? 0;
    const excepted = new Set(batch.flatMap(({ except }) => except ?? []));
    for (const seat of this.#listeners) {
      if (!seat.batch) continue;
      if (seat.behind) {
        this.#lag(seat, first === null ? last : first - 1);
        continue;
      }
      const isWhole = !this.#ahead.has(seat) && (seat.user_id === null || !excepted.has(seat.user_id));
      const own = isWhole ? batch : batch.filter(this.#filterFor(seat));
      if (own.length > 0) seat.push(isWhole ? all : textOf(own));
      if (seat.behind) this.#lag(seat, last);
    }
    if (first !== null) this.#retire();
  }

  #filterFor(seat: Seat): (each: Batched) => boolean {
    const has = this.#ahead.has(seat) ? seat.rev : 0;
    return ({ rev, except }) => (rev === null ? except === undefined || except !== seat.user_id : rev > has);
  }

  /** It has got everything up to `rev`, and gets no more until it has read that. */
  #lag(seat: Seat, rev: number): void {
    if (this.#lagging.has(seat)) return;
    const time = Symbol();
    this.#lagging.set(seat, time);
    seat.rev = Math.max(seat.rev, rev);
    this.#world.setTimer(() => {
      if (this.#lagging.get(seat) === time) seat.end(CHAT_CLOSE.tooSlow, "it reads too slowly");
    }, BEHIND_MOST_MS);
  }

  /** Who is no longer ahead of the others. */
  #retire(): void {
    for (const seat of this.#ahead) if (seat.rev <= (this.#mark(seat) ?? -1)) this.#ahead.delete(seat);
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
    this.#listeners.delete(seat);
    this.#ahead.delete(seat);
    this.#lagging.delete(seat);
    this.#wants.delete(seat);
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
