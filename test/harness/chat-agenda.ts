/**
 * What may happen next in a world that a seed makes up: what is under way, in any order, timers, and calls that are
 * lost, late, or carried out twice. Time stands still until somebody lets it pass.
 */
export const STARTED_AT = 1_800_000_000_000;

/** An object in memory: what it is given works until it is lost. */
export type Life = { alive: boolean; timers: number; calls: number };
type Timer = { at: number; run(): void; owner: Life | null };

class LostCall extends Error {}

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

export class ChatAgenda {
  readonly random: () => number;
  /** Of calls. */
  readonly counts = { lost: 0, twice: 0 };
  /** Whether calls get lost, and come twice. */
  faults = true;
  now = STARTED_AT;
  readonly #pending: (() => void)[] = [];
  readonly #timers = new Set<Timer>();
  #ids = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Never the same twice. */
  id(): number {
    return ++this.#ids;
  }

  /** Some time it happens, before or after whatever else may. */
  add(run: () => void): void {
    this.#pending.push(run);
  }

  /** Any of what may happen. */
  take(): (() => void) | undefined {
    if (this.#pending.length === 0) return undefined;
    return this.#pending.splice(this.below(this.#pending.length), 1)[0];
  }

  /** The next timer rings, unless an alarm is due before. False: it does not, and time has passed until the alarm. */
  passTime(alarm: number | null): boolean {
    const due = [...this.#timers].reduce<Timer | null>((a, b) => (a === null || b.at < a.at ? b : a), null);
    if (due !== null && (alarm === null || due.at <= alarm)) {
      this.now = Math.max(this.now, due.at);
      this.#timers.delete(due);
      if (due.owner) due.owner.timers -= 1;
      if (due.owner?.alive ?? true) due.run();
      return true;
    }
    this.now = Math.max(this.now, alarm ?? this.now);
    return false;
  }

  /** Returns what undoes it. */
  setTimer(run: () => void, ms: number, owner: Life | null): () => void {
    const timer: Timer = { at: this.now + ms, run, owner };
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
  call<T>(caller: Life, make: (callee: (life: Life) => void) => Promise<T>): Promise<T> {
    if (!caller.alive) return new Promise(() => undefined);
    caller.calls += 1;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = (done: () => void) =>
      this.add(() => {
        caller.calls -= 1;
        if (caller.alive) done();
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
    const isLost = this.faults && this.chance(0.04);
    const isAnswerLost = this.faults && this.chance(0.04);
    if (this.faults && this.chance(0.04)) {
      this.counts.twice += 1;
      this.add(() => void carryOut().catch(() => undefined));
    }
    if (isLost || isAnswerLost) this.counts.lost += 1;
    if (isLost) settle(() => reject(new LostCall("the call was lost")));
    else {
      this.add(
        () =>
          void carryOut().then(
            (answer) => settle(() => (isAnswerLost ? reject(new LostCall("the answer was lost")) : resolve(answer))),
            (error) => settle(() => reject(error)),
          ),
      );
    }
    return promise;
  }
}
