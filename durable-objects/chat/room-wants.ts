/** Who at a gateway waits to be shown a room, or what they missed of it, until a visit has brought it. */
import type { ChannelConfig } from "#contract/chat";
import type { Visit, VisitReply } from "#contract/chat-rpc";
import { isTooMuch, type Seat } from "./seat.ts";
import { Snapshots } from "./snapshot-frames.ts";

/** `since`: it has everything up to there; null: it gets what a join shows. `resumes`: it waits for a `resumed`. */
export type Want = { seat: Seat; since: number | null; resumes: boolean };
/** How somebody got there; `shown`: it was too long ago to resume. */
export type Arrival = "joined" | "resumed" | "shown";
type Reply = Extract<VisitReply, { ok: true }>;

export class RoomWants {
  readonly #room: number;
  /** The seat has everything up to `rev`, and listens from now on. */
  readonly #settle: (seat: Seat, rev: number, how: Arrival) => void;
  readonly #wants = new Map<Seat, Want>();

  constructor(room: number, settle: (seat: Seat, rev: number, how: Arrival) => void) {
    this.#room = room;
    this.#settle = settle;
  }

  get size(): number {
    return this.#wants.size;
  }

  has(seat: Seat): boolean {
    return this.#wants.has(seat);
  }

  seats(): Seat[] {
    return [...this.#wants.keys()];
  }

  all(): Want[] {
    return [...this.#wants.values()];
  }

  add(want: Want): void {
    this.#wants.set(want.seat, want);
  }

  drop(seat: Seat): void {
    this.#wants.delete(seat);
  }

  /** It may have left, or asked anew, while the visit for it was under way. */
  isStill(want: Want): boolean {
    return this.#wants.get(want.seat) === want;
  }

  /** What a visit has to ask for, for these and for those who have everything up to `rev`. */
  asked(wants: Want[], rev: number | null): Pick<Visit, "since" | "snapshot"> {
    const marks = wants.map(({ since }) => since).filter((since) => since !== null);
    if (rev !== null) marks.push(rev);
    return {
      since: marks.length > 0 ? Math.min(...marks) : null,
      snapshot: wants.some(({ since }) => since === null),
    };
  }

  /** What a visit for these has brought. */
  serve(wants: Want[], { rev, updates, snapshot }: Reply, config: ChannelConfig): void {
    const frames = snapshot && new Snapshots(this.#room, rev, snapshot);
    for (const want of wants) {
      const { seat, since, resumes } = want;
      if (!this.isStill(want) || seat.closed) continue;
      // No change has a higher number: whatever it knows is not of this room.
      const missed = since !== null && since <= rev ? updates?.filter((update) => update.rev > since) : undefined;
      if (missed && !isTooMuch(missed)) {
        for (const { frame } of missed) seat.send(frame);
        this.#arrived(seat, rev, resumes ? "resumed" : "joined");
      } else if (frames) {
        frames.send(seat, config);
        seat.shown = rev;
        this.#arrived(seat, rev, resumes ? "shown" : "joined");
      } else {
        this.add({ seat, since: null, resumes });
      }
    }
  }

  #arrived(seat: Seat, rev: number, how: Arrival): void {
    this.drop(seat);
    this.#settle(seat, rev, how);
  }
}
