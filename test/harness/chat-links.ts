/** The sockets between clients and gateways in a world that a seed makes up: they break, and outlive gateways asleep. */
import type { ServerFrame } from "#contract/chat-frames";
import type { Gateway } from "../../durable-objects/chat/gateway.ts";
import type { ChatSocket, SeatMemory } from "../../durable-objects/chat/seat.ts";
import type { ChatAgenda, Life } from "./chat-agenda.ts";
import type { ChatSocketOptions } from "./chat-socket.ts";

type Link = {
  id: string;
  gateway: string;
  options: ChatSocketOptions;
  open: boolean;
  /** What its gateway remembers of it. */
  memory: SeatMemory | null;
  /** On their way to the client. */
  down: ServerFrame[];
};

export type LinksWorld = {
  /** Loads it when it is not in memory. */
  wake(gateway: string): { it: Gateway; life: Life };
  awake(gateway: string): Gateway | undefined;
  /** The client is told that what it did under this nonce failed. */
  refused(nonce: string): void;
};

export class ChatLinks {
  readonly #agenda: ChatAgenda;
  readonly #world: LinksWorld;
  readonly #links = new Set<Link>();

  constructor(agenda: ChatAgenda, world: LinksWorld) {
    this.#agenda = agenda;
    this.#world = world;
  }

  /** The `n`th client connects. Frames of one socket keep their order, in each direction. */
  open(gateway: string, n: number, options: ChatSocketOptions) {
    const id = `s${this.#agenda.id()}`;
    const link: Link = { id, gateway, options, open: true, memory: null, down: [] };
    const { promise, resolve } = Promise.withResolvers<{ send(frame: unknown): void; terminate(): void }>();
    const up: string[] = [];
    this.#agenda.add(() => {
      this.#links.add(link);
      const { it, life } = this.#world.wake(gateway);
      it.connect(this.#socket(link, life), identityOf(n), options.batched ?? false);
      resolve({
        send: (frame) => {
          up.push(JSON.stringify(frame));
          this.#agenda.add(() => {
            const text = up.shift();
            if (text !== undefined && link.open) this.#world.wake(gateway).it.receive(id, text);
          });
        },
        terminate: () => this.#cut(link, 1006, true),
      });
    });
    return promise;
  }

  /** Those that a gateway finds when it wakes. */
  of(gateway: string, life: Life): { socket: ChatSocket; memory: SeatMemory }[] {
    return [...this.#links].flatMap((link) =>
      link.gateway === gateway && link.open && link.memory
        ? [{ socket: this.#socket(link, life), memory: link.memory }]
        : [],
    );
  }

  /** The gateway is lost with its sockets. */
  cutAll(gateway: string): void {
    for (const link of this.#links) if (link.gateway === gateway) this.#cut(link, 1006, false);
  }

  #socket(link: Link, life: Life): ChatSocket {
    return {
      id: link.id,
      send: (text) => {
        if (!life.alive) return;
        const parsed: ServerFrame | ServerFrame[] = JSON.parse(text);
        const frames = Array.isArray(parsed) ? parsed : [parsed];
        for (const frame of frames) if (frame.type === "error" && frame.nonce) this.#world.refused(frame.nonce);
        if (link.open) this.#toClient(link, frames);
      },
      close: (code) => this.#cut(link, code, false),
      remember: (memory) => {
        if (life.alive) link.memory = structuredClone(memory);
      },
      isOpen: () => link.open,
      pingedAt: () => this.#agenda.now,
    };
  }

  #toClient(link: Link, frames: ServerFrame[]): void {
    for (const frame of frames) {
      link.down.push(frame);
      this.#agenda.add(() => {
        const next = link.down.shift();
        if (!next || !link.open) return;
        if (next.type === "sync") this.#world.wake(link.gateway).it.receive(link.id, `{"type":"synced","n":${next.n}}`);
        else link.options.onFrame(next);
      });
    }
  }

  /** Whatever is on its way is lost. */
  #cut(link: Link, code: number, byClient: boolean): void {
    if (!link.open) return;
    link.open = false;
    this.#links.delete(link);
    this.#agenda.add(() => link.options.onClose?.(code, ""));
    // The other side notices later, if it still runs.
    if (byClient) this.#agenda.add(() => this.#world.awake(link.gateway)?.disconnect(link.id));
  }
}

const identityOf = (n: number) => ({
  kind: "user" as const,
  user_id: n + 1,
  session: `session${n}`,
  expires_at: null,
  scopes: [],
  stream_id: null,
  profile: {
    user_id: n + 1,
    username: `u${n}`,
    nickname: null,
    anonymous: false,
    avatar: {},
    role: "moderator" as const,
  },
  status: "online",
  status_message: "",
});
