/**
 * What this isolate knows of the windows of limits: permits it took beforehand, and that nothing is left. Numbers only:
 * a promise must not be shared between requests.
 *
 * A permit is counted by the object before it is held here, so that all isolates together never admit more than the
 * limit. They may admit less, by what an isolate took and did not use: at most an eighth of the limit each.
 */
import type { Grant } from "#contract/limits";

type Lease = {
  /** Counted already, and used by nobody yet. */
  permits: number;
  /** What the object has left, as far as it told. */
  left: number;
  /** When the window ends, UTC ms. */
  reset_at: number;
  /** When this began to be known: before that it does not count, as when the clock was set back. */
  since: number;
  /** Since when several permits are on their way; 0: none are. */
  asked_at: number;
};

export type Take = { allowed: boolean; remaining: number; reset_at: number };

/** Principals that are remembered; the one whose window began first makes room. */
const LEASES_MAX = 10_000;
const PART_OF_LIMIT = 8;
const PERMITS_MAX = 32;
/** A request that asked and whose client left never hears the answer: then others ask for several again. */
const ANSWERED_MS = 1_000;

export class Leases {
  readonly #leases = new Map<string, Lease>();

  /**
   * What can be said of an attempt without asking; null: the object is to be asked. `exact`: no permit that was taken
   * beforehand is used while the object has some.
   */
  take(key: string, exact: boolean, now: number): Take | null {
    const lease = this.#current(key, now);
    if (!lease || (exact && lease.left > 0)) return null;
    return lease.permits > 0 || lease.left === 0 ? use(lease) : null;
  }

  /** How many permits to ask for: while several are on their way, others who need one ask for no more than that. */
  toAsk(key: string, most: number, now: number): number {
    const lease = this.#leases.get(key);
    if (lease && Math.abs(now - lease.asked_at) < ANSWERED_MS) return 1;
    if (lease) lease.asked_at = now;
    else this.#keep(key, { permits: 0, left: 1, reset_at: 0, since: now, asked_at: now });
    return Math.max(1, Math.min(PERMITS_MAX, Math.floor(most / PART_OF_LIMIT)));
  }

  /** Takes one of what the object granted to who asked for so many, and keeps the others. */
  taken(key: string, asked: number, { granted, remaining, reset_at }: Grant, now: number): Take {
    const lease = this.#leases.get(key);
    if (lease && asked > 1) lease.asked_at = 0;
    // An answer that was overtaken by the end of its window is good for the one who asked.
    if (lease && reset_at < lease.reset_at) return { allowed: granted > 0, remaining, reset_at };
    if (lease?.reset_at === reset_at) {
      lease.permits += granted;
      // Answers overtake each other, and what is left only gets less.
      lease.left = Math.min(lease.left, remaining);
      return use(lease);
    }
    const next: Lease = { permits: granted, left: remaining, reset_at, since: now, asked_at: lease?.asked_at ?? 0 };
    this.#keep(key, next);
    return use(next);
  }

  #current(key: string, now: number): Lease | undefined {
    const lease = this.#leases.get(key);
    return lease && lease.since <= now && now < lease.reset_at ? lease : undefined;
  }

  #keep(key: string, lease: Lease): void {
    this.#leases.delete(key);
    this.#leases.set(key, lease);
    if (this.#leases.size <= LEASES_MAX) return;
    const [oldest] = this.#leases.keys();
    if (oldest !== undefined) this.#leases.delete(oldest);
  }
}

function use(lease: Lease): Take {
  const allowed = lease.permits > 0;
  if (allowed) lease.permits -= 1;
  return { allowed, remaining: lease.permits + lease.left, reset_at: lease.reset_at };
}
