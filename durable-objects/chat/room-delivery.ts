/**
 * From a room to one gateway: changes in order, none left out, with at most one call under way. While it is under way
 * more gather, and go with the next. What a gateway has is what it answered last; a call that fails is made again.
 */
import type { ChatGatewayRpc, Delivery, DeliveryReply, News, Update } from "#contract/chat-rpc";

const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 5_000;
const NEWS_MAX = 200;

export type DeliveryWorld = {
  room: number;
  /** A new stub each time: a failed call breaks its stub. */
  gateway(name: string): Pick<ChatGatewayRpc, "deliver">;
  rev(): number;
  since(rev: number): Update[] | null;
  /** The gateway knows nothing of this subscription. */
  gone(gateway: string, epoch: number): void;
  failed(gateway: string, error: unknown): void;
  setTimer(action: () => void, ms: number): void;
};

export class RoomDelivery {
  readonly gateway: string;
  readonly epoch: number;
  readonly #world: DeliveryWorld;
  /** The last change that the gateway has, as far as this room knows. */
  #acked: number;
  /** False after the room woke up: it remembers no answer. */
  #sure: boolean;
  #news: News[] = [];
  #busy = false;
  /** A call has failed, and is made again later: not sooner because there is more to tell. */
  #waiting = false;
  #failures = 0;
  #ended = false;

  constructor(world: DeliveryWorld, gateway: string, epoch: number, acked: number, sure: boolean) {
    this.#world = world;
    this.gateway = gateway;
    this.epoch = epoch;
    this.#acked = acked;
    this.#sure = sure;
  }

  /** Something may not have arrived yet. */
  get pending(): boolean {
    return !this.#ended && (!this.#sure || this.#acked < this.#world.rev());
  }

  end(): void {
    this.#ended = true;
  }

  tell(news: News): void {
    if (this.#news.length < NEWS_MAX) this.#news.push(news);
  }

  kick(): void {
    if (this.#busy || this.#waiting || this.#ended) return;
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      // No moment lies between the last look and the end: what comes then begins a new run.
      while (!this.#ended && !this.#waiting && (this.pending || this.#news.length > 0)) await this.#deliver();
    } finally {
      this.#busy = false;
    }
  }

  async #deliver(): Promise<void> {
    const { delivery, upTo } = this.#next();
    let reply: DeliveryReply;
    try {
      reply = await this.#world.gateway(this.gateway).deliver(delivery);
    } catch (error) {
      this.#failures += 1;
      this.#world.failed(this.gateway, error);
      const wait = Math.min(RETRY_FIRST_MS * 2 ** (this.#failures - 1), RETRY_MOST_MS);
      this.#waiting = true;
      this.#world.setTimer(() => {
        this.#waiting = false;
        this.kick();
      }, wait);
      return;
    }
    if (this.#ended) return;
    if ("gone" in reply) {
      this.#ended = true;
      this.#world.gone(this.gateway, this.epoch);
      return;
    }
    this.#failures = 0;
    this.#sure = true;
    this.#acked = Math.min(reply.have, upTo);
  }

  #next(): { delivery: Delivery; upTo: number } {
    const { room } = this.#world;
    const upTo = this.#world.rev();
    const updates = this.#world.since(this.#acked);
    const news = this.#news;
    this.#news = [];
    const reset = updates === null;
    const after = reset ? upTo : this.#acked;
    return { delivery: { room, epoch: this.epoch, after, updates: updates ?? [], news, reset }, upTo };
  }
}
