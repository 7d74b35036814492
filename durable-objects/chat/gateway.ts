/**
 * One chat gateway, without anything of the runtime: it holds the sockets of its users, takes their frames to the rooms
 * and hands out what the rooms say. Clock, storage, rooms and timers come in as parameters.
 */
import { type ChannelConfig, SOCKETS_PER_USER } from "#contract/chat";
import { CHAT_CLOSE, type ClientFrame } from "#contract/chat-frames";
import type { ChatIdentity, ChatRoomRpc, Delivery, DeliveryReply, Looks, Standing } from "#contract/chat-rpc";
import { type ChannelRef, refOf } from "./channel-ref.ts";
import { parseClientFrame } from "./client-frame.ts";
import { GatewayActions } from "./gateway-actions.ts";
import { GatewayRecords } from "./gateway-records.ts";
import { OnlineUsers } from "./online-users.ts";
import { RoomView, type ViewWorld } from "./room-view.ts";
import { type ChatSocket, Seat, type SeatMemory } from "./seat.ts";
import { channelInfo } from "./snapshot-frames.ts";
import { mayStay, roomUser } from "./standing.ts";
import type { Store } from "./store.ts";

const SEATS_MAX = 30_000;
/** Guests cost nothing to make: whoever has an account gets in beside any number of them. */
const GUESTS_UNTIL = 27_000;
/** RFC 6455's registry. */
const SERVICE_RESTART = 1012;
const KEEP_AFTER_MS = 1_000;
/** A lease is renewed when so much of it is left. */
const RENEW_LEFT_MS = 5 * 60_000;

export type Opened =
  | { ok: true; config: ChannelConfig; standing: Standing }
  | { ok: false; code: "unauthenticated" | "not_found" | "forbidden"; message: string };

export type GatewayWorld = {
  name: string;
  store: Store;
  now(): number;
  /** Never the same twice. */
  random(): string;
  /** A new stub each time: a failed call breaks its stub. */
  room(room: number): Pick<ChatRoomRpc, "visit" | "act" | "typing" | "history">;
  /** Whether somebody may be in a channel, as D1 has it. Rejects when it cannot be asked. */
  open(identity: ChatIdentity, ref: ChannelRef): Promise<Opened>;
  markRead(user_id: number, message_id: number): Promise<void>;
  tellOnline(users: number): Promise<void>;
  setTimer(action: () => void, ms: number): void;
  wakeAt(due: number | null): void;
  failed(what: string, error: unknown, about?: Record<string, unknown>): void;
  /** Of one user in 5 s. */
  messages_per_window?: number;
};

export class Gateway {
  readonly #world: GatewayWorld;
  readonly #records: GatewayRecords;
  readonly #seats = new Map<string, Seat>();
  readonly #views = new Map<number, RoomView>();
  readonly #actions: GatewayActions;
  readonly #online: OnlineUsers;
  readonly #moved = new Set<RoomView>();

  /** `sockets`: those that outlived the object in memory. */
  constructor(world: GatewayWorld, sockets: { socket: ChatSocket; memory: SeatMemory }[]) {
    this.#world = world;
    this.#records = new GatewayRecords(world.store);
    this.#actions = new GatewayActions(world);
    this.#online = new OnlineUsers(world, this.#records);
    for (const { room, epoch, rev, lease_until, config } of this.#records.rooms()) {
      const view = this.#newView(room, epoch);
      view.restore(rev, config, lease_until);
    }
    for (const { socket, memory } of sockets) this.#restore(socket, memory);
    for (const view of this.#views.values()) if (view.empty) this.#endView(view);
  }

  get seats(): number {
    return this.#seats.size;
  }

  /** Why no more sockets of this one are taken; null: they are. */
  full(identity: ChatIdentity): "user" | "gateway" | null {
    if (this.#seats.size >= (identity.kind === "guest" ? GUESTS_UNTIL : SEATS_MAX)) return "gateway";
    if (identity.kind === "guest") return null;
    const own = [...this.#seats.values()].filter(({ user_id }) => user_id === identity.user_id);
    return own.filter((seat) => !this.#buried(seat)).length >= SOCKETS_PER_USER ? "user" : null;
  }

  connect(socket: ChatSocket, identity: ChatIdentity, batch: boolean): void {
    const seat = this.#newSeat(socket, identity, batch);
    seat.remember();
    seat.tell({ type: "connected", user: seat.profile });
    if (identity.kind === "user") this.#schedule(); // Nothing of a guest's ends by itself.
  }

  receive(id: string, data: string | ArrayBuffer): void {
    const seat = this.#seats.get(id);
    if (!seat || seat.closed) return;
    seat.heard();
    switch (seat.frames.take(this.#world.now())) {
      case "flood":
        seat.end(CHAT_CLOSE.flooding, "too many frames");
        return;
      case "told":
        seat.fail({ error_code: "rate_limited", message: "Too many frames: slow down", retry_after: 1 });
        return;
      case "refused":
        return;
      case "ok":
    }
    const parsed = parseClientFrame(data);
    if (!parsed.ok) seat.fail(parsed.fault);
    else if (seat.isExpired) this.#signOut(seat);
    else this.#handle(seat, parsed.frame);
  }

  disconnect(id: string): void {
    const seat = this.#seats.get(id);
    if (!seat) return;
    seat.closed = true;
    this.#leave(seat);
    this.#seats.delete(id);
    if (this.#online.left(seat.user_id)) this.#schedule();
  }

  async deliver(delivery: Delivery): Promise<DeliveryReply> {
    const view = this.#views.get(delivery.room);
    if (!view || view.epoch !== delivery.epoch) return { gone: true };
    const reply = await view.deliver(delivery);
    if (delivery.updates.some(({ ends }) => ends)) this.#lost(view, "gone");
    return reply;
  }

  /** A session was revoked, or an account is gone. */
  signOut(who: { session: string } | { user_id: number }): void {
    for (const seat of this.#seats.values()) {
      if (seat.identity.kind !== "user") continue;
      const { session, user_id } = seat.identity;
      if ("session" in who ? session === who.session : user_id === who.user_id) this.#signOut(seat);
    }
  }

  /** The home of their sockets is another gateway now. */
  sendHome(user_id: number): void {
    for (const seat of this.#seats.values()) if (seat.user_id === user_id) seat.end(SERVICE_RESTART, "come back");
  }

  looks(user_id: number, looks: Looks): void {
    const places = new Set<RoomView>();
    for (const seat of this.#seats.values()) {
      if (seat.identity.kind !== "user" || seat.identity.user_id !== user_id) continue;
      seat.identity = { ...seat.identity, ...looks };
      seat.remember();
      const view = this.#viewOf(seat);
      if (view && !places.has(view)) view.changed(user_id, roomUser(seat.identity));
      if (view) places.add(view);
    }
  }

  /** The alarm rang. */
  async alarm(): Promise<void> {
    const now = this.#world.now();
    for (const seat of this.#seats.values()) if (!this.#buried(seat) && seat.isExpired) this.#signOut(seat);
    const due = [...this.#views.values()].filter((view) => view.leaseUntil - RENEW_LEFT_MS <= now);
    await Promise.all([...due.map((view) => view.visit()), this.#online.tell()]);
    this.#schedule();
  }

  #handle(seat: Seat, frame: ClientFrame): void {
    switch (frame.type) {
      case "ping":
        seat.tell({ type: "pong" });
        return;
      case "synced":
        if (seat.synced(frame.n)) this.#viewOf(seat)?.caughtUp(seat);
        return;
      case "typing":
        this.#actions.typing(seat, this.#viewOf(seat)?.config?.mode ?? "open");
        return;
      case "mark_read":
        this.#actions.markRead(seat, frame.message_id);
        return;
      case "join":
        this.#show(seat, () => this.#join(seat, refOf(frame), null));
        return;
      case "resume": {
        const { channel_id, stream_key, rev } = frame;
        const ref = stream_key === undefined ? { id: channel_id } : { stream_key };
        this.#show(seat, () => this.#join(seat, ref, { room: channel_id, rev }));
        return;
      }
      case "history":
        this.#show(seat, () => this.#actions.history(seat, frame.before_id, frame.limit));
        return;
      default:
        this.#inTurn(seat, frame.nonce, () => this.#actions.act(seat, frame));
    }
  }

  #show(seat: Seat, task: () => Promise<void>): void {
    this.#inTurn(seat, undefined, () => this.#actions.answer(seat, task));
  }

  /** What a socket asks for is done in the order in which it asks. */
  #inTurn(seat: Seat, nonce: string | undefined, task: () => Promise<void>): void {
    const about = nonce !== undefined && { nonce };
    const taken = seat.enqueue(async () => {
      try {
        await task();
      } catch (error) {
        this.#world.failed("a chat frame failed", error);
        seat.fail({ error_code: "unavailable", message: "That did not work: try again", ...about });
      }
    });
    if (!taken) seat.fail({ error_code: "rate_limited", message: "Too much at once: slow down", ...about });
  }

  async #join(seat: Seat, ref: ChannelRef, resume: { room: number; rev: number } | null): Promise<void> {
    if (!this.#actions.mayJoin(seat)) return;
    const opened = await this.#opened(seat.identity, ref);
    if (seat.closed) return;
    if (opened === null) {
      seat.fail({ error_code: "unavailable", message: "The chat did not answer: join again" });
      return;
    }
    if (!opened.ok) {
      if (opened.code === "unauthenticated" && seat.profile) return this.#signOut(seat);
      this.#leave(seat);
      seat.fail({ error_code: opened.code, message: opened.message });
      return;
    }
    const { config, standing } = opened;
    const room = config.id;
    if (resume && resume.room !== room) {
      this.#leave(seat);
      seat.fail({ error_code: "not_found", message: "This key opens another channel" });
      return;
    }
    if (seat.place && seat.place.room !== room) this.#leave(seat);
    const by_key = "stream_key" in ref && ref.stream_key.startsWith("live_");
    seat.place = { room, standing, by_key };
    const view = this.#views.get(room) ?? this.#newView(room, this.#records.newEpoch());
    view.offer(config);
    const since = resume?.rev ?? null;
    // What it did before that may be in a history that it was shown on another socket.
    if (since !== null) seat.shown = since;
    view.admit(seat, since, seat.identity.kind === "user" ? roomUser(seat.identity) : null);
  }

  /** Null: D1 did not answer. */
  #opened(identity: ChatIdentity, ref: ChannelRef): Promise<Opened | null> {
    return this.#actions.tried("who may be in a channel could not be asked", () => this.#world.open(identity, ref));
  }

  /** True: it was dead, and is gone now. */
  #buried(seat: Seat): boolean {
    if (!seat.isDead) return false;
    seat.end(CHAT_CLOSE.tooSlow, "not heard of any more");
    return true;
  }

  #signOut(seat: Seat): void {
    seat.fail({ error_code: "unauthenticated", message: "Your session is over: sign in again" });
    seat.end(CHAT_CLOSE.unauthenticated, "the session is over");
  }

  #newSeat(socket: ChatSocket, identity: ChatIdentity, batch: boolean): Seat {
    const { now } = this.#world;
    // Not in the middle of whatever it was that it was too slow for.
    const seat = new Seat(socket, identity, batch, now, () => queueMicrotask(() => this.disconnect(socket.id)));
    this.#seats.set(socket.id, seat);
    this.#online.came(seat.user_id);
    return seat;
  }

  #viewOf(seat: Seat): RoomView | undefined {
    return seat.place ? this.#views.get(seat.place.room) : undefined;
  }

  #leave(seat: Seat): void {
    const view = this.#viewOf(seat);
    seat.place = null;
    seat.remember();
    if (!view) return;
    view.remove(seat);
    if (view.empty) this.#endView(view);
    else view.tellRoom();
  }

  #endView(view: RoomView): void {
    this.#forget(view);
    void view.bye();
  }

  #forget(view: RoomView): void {
    if (this.#views.get(view.room) === view) this.#views.delete(view.room);
    this.#records.remove(view.room, view.epoch);
    this.#moved.delete(view);
  }

  #lost(view: RoomView, why: "gone" | "unavailable", seats = view.seats()): void {
    for (const seat of seats) {
      seat.place = null;
      seat.remember();
      view.remove(seat);
      if (why === "gone") seat.fail({ error_code: "not_found", message: "This channel is gone" });
      else seat.fail({ error_code: "unavailable", message: "The chat did not answer: join again" });
    }
    if (!view.empty) return;
    view.end();
    this.#forget(view);
  }

  /** Who may still be here, now that the channel or its stream has changed; and what they may do. */
  async #configured(view: RoomView): Promise<void> {
    for (const seat of view.seats()) {
      const { place, identity } = seat;
      if (!place || place.room !== view.room || !view.config) continue;
      if (!mayStay(view.config, identity, place)) {
        const opened = await this.#opened(identity, { id: view.room });
        if (seat.closed || seat.place !== place) continue;
        if (!opened?.ok) {
          this.#leave(seat);
          if (opened) seat.fail({ error_code: opened.code, message: "You may no longer read this channel" });
          else seat.fail({ error_code: "unavailable", message: "The chat did not answer: join again" });
          continue;
        }
        place.standing = opened.standing;
        seat.remember();
      }
      // As it is by now: it may have changed again while D1 was asked.
      seat.tell(channelInfo(view.config, place.standing, view.rev ?? 0));
    }
  }

  #newView(room: number, epoch: number): RoomView {
    const { name, now, setTimer, failed } = this.#world;
    const world: ViewWorld = {
      gateway: name,
      now,
      setTimer,
      failed,
      visit: (id, visit) => this.#world.room(id).visit(visit),
      moved: (view) => this.#keep(view),
      lost: (seats, why) => this.#lost(view, why, seats),
      configured: (of) => {
        this.#configured(of).catch((error: unknown) =>
          failed("a channel's new settings were not told", error, { room }),
        );
      },
    };
    const view = new RoomView(world, room, epoch);
    this.#views.set(room, view);
    return view;
  }

  #restore(socket: ChatSocket, { identity, batch, place }: SeatMemory): void {
    const seat = this.#newSeat(socket, identity, batch);
    if (!place) return;
    const view = this.#views.get(place.room);
    if (!view) {
      // It comes back by itself, and is told what it missed.
      seat.end(SERVICE_RESTART, "come back");
      return;
    }
    const { rev, ...where } = place;
    seat.place = where;
    seat.rev = rev;
    seat.shown = rev;
    view.restoreSeat(seat);
  }

  /** A moment later, once for all that happens meanwhile: the object does not sleep while a timer runs. */
  #keep(view: RoomView): void {
    if (this.#views.get(view.room) !== view) return;
    if (!this.#records.has(view.room, view.epoch)) this.#write(view);
    if (this.#moved.size === 0) this.#world.setTimer(() => this.#writeMoved(), KEEP_AFTER_MS);
    this.#moved.add(view);
  }

  #writeMoved(): void {
    for (const view of this.#moved) this.#write(view);
    this.#moved.clear();
  }

  #write({ room, epoch, rev, leaseUntil, config }: RoomView): void {
    if (rev === null || config === null) return;
    this.#records.set({ room, epoch, rev, lease_until: leaseUntil, config });
    this.#schedule();
  }

  #schedule(): void {
    const due = [this.#online.due];
    for (const { leaseUntil } of this.#views.values()) if (leaseUntil > 0) due.push(leaseUntil - RENEW_LEFT_MS);
    for (const { identity } of this.#seats.values()) if (identity.kind === "user") due.push(identity.expires_at);
    const times = due.filter((at) => at !== null);
    this.#world.wakeAt(times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null);
  }
}
