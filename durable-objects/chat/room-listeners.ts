/**
 * Who listens to a room at a gateway, and how what is new there reaches them: single frames at once, batches as one
 * text for all their readers. A seat that is ahead of the others or lags behind them has a mark of its own.
 */
import { BATCH_MS } from "#contract/chat";
import { CHAT_CLOSE } from "#contract/chat-frames";
import type { News } from "#contract/chat-rpc";
import type { Seat } from "./seat.ts";

/** Who has not caught up by then will not. */
const BEHIND_MOST_MS = 30_000;

export type Spreadable = News & { rev: number | null };
const textOf = (batch: Spreadable[]) => `[${batch.map(({ frame }) => frame).join(",")}]`;

export type ListenersWorld = {
  now(): number;
  setTimer(action: () => void, ms: number): void;
  /** The last change that everybody has, or will have with the next batch. */
  rev(): number | null;
};

export class RoomListeners {
  readonly #world: ListenersWorld;
  readonly #seats = new Set<Seat>();
  /** Those that have more than the last change, or than the next batch begins with. */
  readonly #ahead = new Set<Seat>();
  /** Those that read too slowly, and which time this is; their `rev` stands still. */
  readonly #lagging = new Map<Seat, symbol>();
  #batch: Spreadable[] = [];
  #batchAt = Number.NEGATIVE_INFINITY;
  #batchDue = false;

  constructor(world: ListenersWorld) {
    this.#world = world;
  }

  get size(): number {
    return this.#seats.size;
  }

  has(seat: Seat): boolean {
    return this.#seats.has(seat);
  }

  isLagging(seat: Seat): boolean {
    return this.#lagging.has(seat);
  }

  seats(): Seat[] {
    return [...this.#seats];
  }

  /** It has everything up to its `rev`. */
  add(seat: Seat): void {
    this.#seats.add(seat);
    const mark = this.mark(seat);
    if (mark !== null && seat.rev > mark) this.#ahead.add(seat);
  }

  drop(seat: Seat): void {
    this.#seats.delete(seat);
    this.#ahead.delete(seat);
    this.#lagging.delete(seat);
  }

  /** All but those that lag, who listen no more. */
  dropCurrent(): Seat[] {
    const current = this.seats().filter((seat) => !this.#lagging.has(seat));
    for (const seat of current) this.#seats.delete(seat);
    this.#ahead.clear();
    return current;
  }

  /** The last change that such a seat has been sent: what waits for the next batch it has not. */
  mark(seat: Seat): number | null {
    if (!seat.batch) return this.#world.rev();
    const waiting = this.#batch.find(({ rev }) => rev !== null);
    return waiting?.rev ? waiting.rev - 1 : this.#world.rev();
  }

  spread(frames: Spreadable[]): void {
    let anyBatch = false;
    for (const seat of this.#seats) {
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
    if (wait <= 0 || wait > BATCH_MS) queueMicrotask(() => this.flush());
    else this.#world.setTimer(() => this.flush(), wait);
  }

  /** One text for all readers of batches. */
  flush(): void {
    this.#batchDue = false;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchAt = this.#world.now();
    const all = textOf(batch);
    const first = batch.find(({ rev }) => rev !== null)?.rev ?? null;
    const last = batch.findLast(({ rev }) => rev !== null)?.rev ?? this.#world.rev() ?? 0;
    const excepted = new Set(batch.flatMap(({ except }) => except ?? []));
    for (const seat of this.#seats) {
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
    if (first !== null) this.retire();
  }

  /** Who is no longer ahead of the others. */
  retire(): void {
    for (const seat of this.#ahead) if (seat.rev <= (this.mark(seat) ?? -1)) this.#ahead.delete(seat);
  }

  #filterFor(seat: Seat): (each: Spreadable) => boolean {
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
}
