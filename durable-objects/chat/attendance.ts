/** Who is in a room by way of one gateway, and what of that the room has not been told yet. */
import type { ChatUser } from "#contract/chat-frames";
import type { Visit } from "#contract/chat-rpc";
import type { Seat } from "./seat.ts";
import { roomUser } from "./standing.ts";

export type Told = Pick<Visit, "entered" | "left" | "guests">;

export class Attendance {
  /** How many seats each user has here. */
  readonly #users = new Map<number, number>();
  readonly #entered = new Map<number, ChatUser>();
  readonly #left = new Set<number>();
  #guests = 0;
  #guestsTold = 0;

  get guests(): number {
    return this.#guests;
  }

  /** Something is to be told. */
  get untold(): boolean {
    return this.#entered.size > 0 || this.#left.size > 0 || this.#guests !== this.#guestsTold;
  }

  /** `user`: as the others see them; null for guests. */
  enter(seat: Seat, user: ChatUser | null): void {
    const id = seat.user_id;
    if (id === null) {
      this.#guests += 1;
      return;
    }
    const before = this.#users.get(id) ?? 0;
    this.#users.set(id, before + 1);
    if (before > 0 || !user) return;
    this.#left.delete(id);
    this.#entered.set(id, user);
  }

  /** Somebody who is here looks different. */
  changed(user_id: number, user: ChatUser): void {
    if (this.#users.has(user_id)) this.#entered.set(user_id, user);
  }

  /** The room may have forgotten everybody who is here. */
  again(seats: Seat[]): void {
    for (const { identity } of seats) if (identity.kind === "user") this.changed(identity.user_id, roomUser(identity));
  }

  leave(seat: Seat): void {
    const id = seat.user_id;
    if (id === null) {
      this.#guests -= 1;
      return;
    }
    const after = (this.#users.get(id) ?? 0) - 1;
    if (after > 0) {
      this.#users.set(id, after);
      return;
    }
    this.#users.delete(id);
    this.#entered.delete(id);
    this.#left.add(id);
  }

  /** The room knows of this one from before a sleep. */
  restore(seat: Seat): void {
    this.enter(seat, null);
    this.#guestsTold = this.#guests;
  }

  /** What is to be told now. It is `told` when the room has answered, else `untell` it. */
  take(): Told {
    const news = { entered: [...this.#entered.values()], left: [...this.#left], guests: this.#guests };
    this.#entered.clear();
    this.#left.clear();
    return news;
  }

  told({ guests }: Told): void {
    this.#guestsTold = guests;
  }

  /** For the next time, unless they have come or gone again meanwhile. */
  untell({ entered, left }: Told): void {
    for (const user of entered) {
      if (user.user_id !== null && !this.#left.has(user.user_id)) this.#entered.set(user.user_id, user);
    }
    for (const id of left) if (!this.#entered.has(id)) this.#left.add(id);
  }
}
