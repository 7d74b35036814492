/** Who is in a room, by gateway, and what the others are told of it: less, and less often, the more they are. */
import { type ChatProfile, shownProfile, USERS_SHOWN } from "#contract/chat";
import type { ChatUser, ServerFrame } from "#contract/chat-frames";
import type { News } from "#contract/chat-rpc";
import type { RoomRecords } from "./room-records.ts";

const REFRESH_MS = 1_000;
const REFRESH_MOST_MS = 10_000;
const REFRESH_MS_PER_USER = 50;

export type PresenceWorld = {
  room: number;
  rev(): number;
  tell(news: News): void;
  setTimer(action: () => void, ms: number): void;
};

export class RoomPresence {
  readonly #world: PresenceWorld;
  readonly #records: RoomRecords;
  /** By user id, then by gateway. */
  readonly #users = new Map<number, Map<string, ChatUser>>();
  readonly #guests = new Map<string, number>();
  #refreshing = false;

  constructor(world: PresenceWorld, records: RoomRecords) {
    this.#world = world;
    this.#records = records;
    for (const { gateway, user_id, user } of records.present()) this.#seats(user_id).set(gateway, user);
    for (const { gateway, guests } of records.subscribers()) this.#guests.set(gateway, guests);
  }

  get total(): number {
    return this.#users.size;
  }

  get guests(): number {
    return [...this.#guests.values()].reduce((sum, count) => sum + count, 0);
  }

  list(): ChatUser[] {
    const shown: ChatUser[] = [];
    for (const seats of this.#users.values()) {
      if (shown.length >= USERS_SHOWN) break;
      const [user] = seats.values();
      if (user) shown.push({ ...user, ...(user.anonymous && { ...shownProfile(user), status_message: "" }) });
    }
    return shown;
  }

  enter(gateway: string, user_id: number, user: ChatUser): void {
    const isNew = !this.#users.has(user_id);
    const before = this.#users.get(user_id)?.get(gateway);
    if (before && JSON.stringify(before) === JSON.stringify(user)) return;
    this.#seats(user_id).set(gateway, user);
    this.#records.enter(gateway, user_id, user);
    if (isNew) this.#changed("user_joined", user);
    else if (before) this.#looksChanged(before, user);
  }

  leave(gateway: string, user_id: number): void {
    const seats = this.#users.get(user_id);
    const user = seats?.get(gateway);
    if (!seats || !user) return;
    seats.delete(gateway);
    this.#records.leave(gateway, user_id);
    if (seats.size > 0) return;
    this.#users.delete(user_id);
    this.#changed("user_left", user);
  }

  setGuests(gateway: string, count: number): void {
    if ((this.#guests.get(gateway) ?? 0) === count) return;
    this.#guests.set(gateway, count);
    this.#refresh();
  }

  /** A gateway is gone, with everybody on it. Its rows are its subscription's. */
  leaveAll(gateway: string): void {
    for (const [user_id, seats] of this.#users) if (seats.has(gateway)) this.leave(gateway, user_id);
    if (this.#guests.delete(gateway)) this.#refresh();
  }

  clear(): void {
    this.#users.clear();
    this.#guests.clear();
  }

  #seats(user_id: number): Map<string, ChatUser> {
    const seats = this.#users.get(user_id) ?? new Map<string, ChatUser>();
    this.#users.set(user_id, seats);
    return seats;
  }

  #changed(type: "user_joined" | "user_left", user: ChatUser): void {
    if (this.total <= USERS_SHOWN) this.#tell(comingOrGoing(type, user, this.#where()), user.user_id);
    this.#refresh();
  }

  /** By their own name, also of what makes them anonymous: the others have just seen it. */
  #looksChanged(before: ChatUser, user: ChatUser): void {
    if (this.total > USERS_SHOWN || user.user_id === null) return;
    const about = { ...this.#where(), user_id: user.user_id, username: user.username };
    const differs = (...fields: (keyof ChatUser)[]) =>
      fields.some((field) => JSON.stringify(before[field]) !== JSON.stringify(user[field]));
    if (differs("anonymous")) this.#tell({ type: "user_anonymous_changed", ...about, anonymous: user.anonymous });
    // What somebody anonymous is called, or looks like, is nobody's business.
    if (!user.anonymous && !before.anonymous) {
      const { nickname, avatar, status, status_message } = user;
      if (differs("nickname")) this.#tell({ type: "user_nickname_changed", ...about, nickname });
      if (differs("avatar")) this.#tell({ type: "user_avatar_changed", ...about, avatar });
      if (differs("status", "status_message")) {
        this.#tell({ type: "user_status_changed", ...about, status, status_message });
      }
    }
    this.#refresh();
  }

  /** Once after a while, for all that happens meanwhile. */
  #refresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    const wait = Math.min(Math.max(REFRESH_MS, this.total * REFRESH_MS_PER_USER), REFRESH_MOST_MS);
    this.#world.setTimer(() => {
      this.#refreshing = false;
      const { total, guests } = this;
      // Of many only the number is told again: the list would be as large as all that they write.
      const users = total > USERS_SHOWN ? [] : this.list();
      this.#tell({ type: "users", ...this.#where(), users, total, guests });
    }, wait);
  }

  #where() {
    return { channel_id: this.#world.room, rev: this.#world.rev() };
  }

  #tell(frame: ServerFrame, except: number | null = null): void {
    this.#world.tell({ frame: JSON.stringify(frame), ...(except !== null && { except }) });
  }
}

function comingOrGoing(
  type: "user_joined" | "user_left",
  user: ChatProfile,
  where: { channel_id: number; rev: number },
): ServerFrame {
  const { user_id, username, role, anonymous } = shownProfile(user);
  return type === "user_joined"
    ? { type, ...where, user_id, username, role, anonymous }
    : { type, ...where, user_id, username };
}
