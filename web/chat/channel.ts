/** One channel on a connection: joins it, catches up after an absence, pages back, and sends what the user does. */
import { HISTORY_SHOWN } from "#contract/chat";
import type { ErrorFrame } from "#contract/chat-frames";
import { createStore, type Store } from "../player/store.ts";
import type { Saying } from "./connection.ts";
import { type Action, type Entry, Outbox } from "./outbox.ts";
import { isChange, isSnapshot, NOTHING, quieted, type RoomFrame, step, trimmed, type View } from "./room.ts";

const CATCH_UP_MS = 10_000;
const AGAIN_MS = 2_000;
const OVERTAKEN_MS = 1_000;
const READ_EVERY_MS = 5_000;
const TYPING_EVERY_MS = 2_500;
/** How many messages stay when nobody reads back. */
const KEPT = 500;

export type Stage =
  /** Nothing is known yet. */
  | "joining"
  | "live"
  /** Without a connection, or getting what was missed. */
  | "behind"
  /** The server does not let this reader in. */
  | "refused";

export type ChannelState = {
  stage: Stage;
  /** The server's words. */
  refusal: ErrorFrame | null;
  view: View;
  entries: readonly Entry[];
  /** When the last message was written here, UTC ms. */
  wroteAt: number;
};

type ReadMark = { sent: number; wanted: number; timer: ReturnType<typeof setTimeout> | undefined };

export class Channel {
  readonly id: number;
  readonly store: Store<ChannelState>;
  /** What is written and not sent. */
  draft = "";
  readonly #say: (frame: Saying) => boolean;
  readonly #outbox: Outbox;
  readonly #read: ReadMark = { sent: 0, wanted: 0, timer: undefined };
  #me: number | null = null;
  #isAttached = false;
  #readsBack = false;
  #catchingUp: ReturnType<typeof setTimeout> | undefined;
  #overtaken: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #typedAt = 0;
  /** Who waits for older messages. */
  #pages: (() => void)[] = [];
  /** After a refusal, UTC ms. */
  #olderNotBefore = 0;

  constructor(id: number, say: (frame: Saying) => boolean) {
    this.id = id;
    this.#say = say;
    this.store = createStore<ChannelState>({
      stage: "joining",
      refusal: null,
      view: NOTHING,
      entries: [],
      wroteAt: 0,
    });
    this.#outbox = new Outbox({ send: say, changed: (entries) => this.store.set({ entries }) });
  }

  /** There is a connection, and this is the channel that is looked at. */
  attach(): void {
    this.#isAttached = true;
    this.#catchUp();
  }

  /** The connection is gone, or another channel is looked at. */
  detach(): void {
    if (this.#read.wanted > this.#read.sent) this.#tellRead();
    this.#isAttached = false;
    this.#fallBehind();
  }

  /** `me`: null for a guest. */
  hear(frames: RoomFrame[], me: number | null): void {
    if (!this.#isAttached) return;
    this.#me = me;
    for (const frame of frames) this.#hearOne(frame);
    this.#awaitQuiet();
  }

  /** True: the error was about this channel. */
  refuse(error: ErrorFrame): boolean {
    const { error_code: code, nonce } = error;
    if (nonce !== undefined && (code !== "not_joined" || !this.#isAttached)) return this.#outbox.refuse(error);
    if (!this.#isAttached) return false;
    if (code === "not_joined" || code === "unavailable") {
      // The server does not know any more where we are. What was refused for that goes out again afterwards.
      this.#fallBehind();
      this.#catchUpIn((error.retry_after ?? 0) * 1000 || AGAIN_MS);
    } else if (code === "not_found" || code === "forbidden" || code === "unauthenticated") {
      this.#fallBehind();
      this.store.set({ stage: "refused", refusal: error });
    } else if (this.store.get().stage !== "live") this.#catchUpIn((error.retry_after ?? 0) * 1000 || AGAIN_MS);
    else {
      this.#olderNotBefore = Date.now() + AGAIN_MS;
      this.#pageEnded();
    }
    return true;
  }

  act(action: Action): void {
    if (action.kind === "message") this.store.set({ wroteAt: Date.now() });
    this.#outbox.add(action);
  }

  retry(nonce: string): void {
    this.#outbox.retry(nonce);
  }

  discard(nonce: string): void {
    this.#outbox.discard(nonce);
  }

  /** Resolves when older messages are there, or there is no way to get them now. */
  async loadOlder(limit = HISTORY_SHOWN): Promise<void> {
    const { view, stage } = this.store.get();
    const oldest = view.lines[0];
    if (!oldest || !view.hasMore || stage !== "live" || Date.now() < this.#olderNotBefore) return;
    const page = new Promise<void>((resolve) => this.#pages.push(resolve));
    if (view.asked === null) {
      this.store.set({ view: { ...view, asked: [] } });
      this.#say({ type: "history", before_id: oldest.id, limit });
    }
    return page;
  }

  get readsBack(): boolean {
    return this.#readsBack;
  }

  /** The reader is at the end, or not: then nothing is taken from above them. */
  setReadsBack(readsBack: boolean): void {
    this.#readsBack = readsBack;
    this.#trim();
  }

  /** Everything up to the newest message was seen. */
  markRead(): void {
    const newest = this.store.get().view.lines.at(-1)?.id ?? 0;
    if (this.#me === null || newest <= this.#read.wanted) return;
    this.#read.wanted = newest;
    if (this.#read.timer === undefined) this.#tellRead();
  }

  typed(): void {
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS || this.store.get().stage !== "live") return;
    this.#typedAt = Date.now();
    this.#say({ type: "typing" });
  }

  #hearOne(frame: RoomFrame): void {
    const { view, stage } = this.store.get();
    const reader = { me: this.#me, sent: (nonce: string) => this.#outbox.has(nonce) };
    const { view: next, gap } = step(view, frame, reader, Date.now());
    this.store.set({ view: next });
    // One that came too early comes again, and in its place.
    if (!gap && "nonce" in frame && frame.nonce !== undefined) this.#outbox.discard(frame.nonce);
    if (frame.type === "history" && frame.before_id !== undefined) this.#pageEnded();
    if (frame.type === "resumed" || isSnapshot(frame)) {
      if (gap) this.#catchUpIn(AGAIN_MS);
      else this.#caughtUp(frame.type === "resumed");
    } else if (gap && stage === "live") {
      if (isChange(frame)) this.#catchUp();
      else this.#await(frame.rev);
    }
    this.#trim();
  }

  /** What is no change may overtake those before it. */
  #await(rev: number): void {
    this.#overtaken ??= setTimeout(() => {
      this.#overtaken = undefined;
      if ((this.store.get().view.rev ?? rev) < rev) this.#catchUp();
    }, OVERTAKEN_MS);
  }

  #fallBehind(): void {
    clearTimeout(this.#catchingUp);
    clearTimeout(this.#overtaken);
    this.#overtaken = undefined;
    this.#outbox.shut();
    this.#pageEnded();
    if (this.store.get().stage === "live") this.store.set({ stage: "behind" });
  }

  #catchUp(): void {
    this.#fallBehind();
    const { rev } = this.store.get().view;
    this.store.set({ stage: rev === null ? "joining" : "behind", refusal: null });
    this.#say(rev === null ? { type: "join", channel_id: this.id } : { type: "resume", channel_id: this.id, rev });
    this.#catchUpIn(CATCH_UP_MS);
  }

  #catchUpIn(ms: number): void {
    clearTimeout(this.#catchingUp);
    this.#catchingUp = setTimeout(() => this.#catchUp(), ms);
  }

  #caughtUp(sure: boolean): void {
    clearTimeout(this.#catchingUp);
    this.store.set({ stage: "live" });
    this.#outbox.open(sure);
  }

  #pageEnded(): void {
    const { view } = this.store.get();
    if (view.asked !== null) this.store.set({ view: { ...view, asked: null } });
    for (const resolve of this.#pages.splice(0)) resolve();
  }

  #trim(): void {
    const { view } = this.store.get();
    // Not at each message: a little more may stay.
    if (!this.#readsBack && view.lines.length > KEPT * 2) this.store.set({ view: trimmed(view, KEPT) });
  }

  #tellRead(): void {
    clearTimeout(this.#read.timer);
    this.#read.timer = undefined;
    if (this.#read.wanted <= this.#read.sent) return;
    if (!this.#say({ type: "mark_read", message_id: this.#read.wanted })) return;
    this.#read.sent = this.#read.wanted;
    this.#read.timer = setTimeout(() => this.#tellRead(), READ_EVERY_MS);
  }

  #awaitQuiet(): void {
    clearTimeout(this.#typing);
    const { typists } = this.store.get().view;
    if (typists.length === 0) return;
    const soonest = Math.min(...typists.map(({ until }) => until));
    this.#typing = setTimeout(
      () => {
        this.store.set({ view: quieted(this.store.get().view, Date.now()) });
        this.#awaitQuiet();
      },
      Math.max(0, soonest - Date.now()),
    );
  }
}
