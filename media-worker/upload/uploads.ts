/** All that was recorded here and is not handed in yet: finds it in the spool, and uploads it whatever happens. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Agent } from "undici";
import * as z from "zod";
import type { Log } from "../log.ts";
import { type PartFile, readPart } from "../recorder/part-files.ts";
import { PartUpload } from "./part-upload.ts";
import { Patience } from "./patience.ts";
import { RecordingsClient } from "./recordings-client.ts";
import { Slots } from "./slots.ts";
import { UPLOAD_TIMING, type UploadTiming } from "./timing.ts";

/** Slices under way at once, of all parts together. */
const PUTS = 3;
const CONNECT_MS = 10_000;
const SETTLE_MS = 20;

export type UploadsOptions = {
  /** Holds `recordings/`, a folder for each part. */
  spool: string;
  controlUrl: string;
  /** A fresh bearer token, or null while there is no identity. */
  token(): Promise<string | null>;
  log: Log;
  timing?: Partial<UploadTiming>;
};

export class Uploads {
  readonly #log: Log;
  readonly #timing: UploadTiming;
  readonly #recordings: string;
  /** Folders that are not needed any more, while they are being deleted. */
  readonly #removed: string;
  /** For people to look at. */
  readonly #damaged: string;
  readonly #agent = new Agent({ connect: { timeout: CONNECT_MS } });
  readonly #client: RecordingsClient;
  readonly #slots = new Slots(PUTS);
  readonly #patience: Patience;
  readonly #abort = new AbortController();
  readonly #uploads = new Map<string, { upload: PartUpload; done: Promise<void> }>();
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor({ spool, controlUrl, token, log, timing }: UploadsOptions) {
    this.#log = log;
    this.#timing = { ...UPLOAD_TIMING, ...timing };
    this.#recordings = path.join(spool, "recordings");
    this.#removed = path.join(spool, "removed");
    this.#damaged = path.join(spool, "damaged");
    this.#patience = new Patience(this.#timing.stall);
    this.#client = new RecordingsClient({ controlUrl, token, dispatcher: this.#agent, timing: this.#timing });
  }

  /** Begins with what is in the spool. The control plane need not be there. */
  async start(): Promise<void> {
    for (const folder of [this.#recordings, this.#damaged, this.#removed]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    for (const name of await readdir(this.#removed)) await rm(path.join(this.#removed, name), { recursive: true });
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), this.#timing.scan);
  }

  /** There is more of this part, named by its folder; without a name: of any. */
  poke(part?: string): void {
    const known = part === undefined ? undefined : this.#uploads.get(part);
    if (known) known.upload.poke();
    else void this.#look();
  }

  /** What failed may work now: the control plane is back. */
  hurry(): void {
    for (const { upload } of this.#uploads.values()) upload.hurry();
  }

  /** Resolves when nothing of the session is left here. Rejects with the signal's reason, or when the disk fails. */
  async drained(stream_id: number, session: string, signal?: AbortSignal): Promise<void> {
    const prefix = `${stream_id}-${encodeURIComponent(session)}-`;
    for (;;) {
      signal?.throwIfAborted();
      // Asked for before we look, so that what goes meanwhile is not missed.
      const changed = this.#change(signal);
      const names = await readdir(this.#recordings);
      if (!names.some((name) => name.startsWith(prefix))) return;
      await changed;
    }
  }

  /** What is under way has `timeout_ms` to come to its end; what is left goes on at the next start. */
  async stop(timeout_ms: number): Promise<void> {
    clearInterval(this.#timer);
    const deadline = performance.now() + timeout_ms;
    await this.#look();
    while (performance.now() < deadline && [...this.#uploads.values()].some(({ upload }) => !upload.isResting)) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    }
    this.#abort.abort(new Error("the media worker stops"));
    await Promise.all(Array.from(this.#uploads.values(), ({ done }) => done));
    await this.#agent.destroy();
  }

  /** Resolves at the next look at the spool, or when something of it is gone. */
  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** One look at a time; who asks meanwhile gets the one that begins afterwards. */
  #look(): Promise<void> {
    this.#next ??= this.#looking.then(() => {
      this.#next = null;
      this.#looking = this.#lookOnce();
      return this.#looking;
    });
    return this.#next;
  }

  async #lookOnce(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    try {
      const entries = await readdir(this.#recordings, { withFileTypes: true });
      for (const entry of entries) {
        const known = this.#uploads.get(entry.name);
        if (known) known.upload.poke();
        else if (entry.isDirectory()) await this.#take(entry.name);
      }
    } catch (error) {
      this.#log.error({ err: error }, "the spool of recordings cannot be read");
    }
    this.#changed();
  }

  async #take(name: string): Promise<void> {
    const folder = path.join(this.#recordings, name);
    let part: PartFile | null;
    try {
      part = await readPart(folder);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
      this.#log.error({ part: name, err: error }, "a recording on disk cannot be read");
      await this.#moveTo(this.#damaged, name);
      return;
    }
    // It is just being made.
    if (!part || this.#abort.signal.aborted) return;
    const upload = new PartUpload({
      folder,
      part,
      client: this.#client,
      slots: this.#slots,
      patience: this.#patience,
      dispatcher: this.#agent,
      timing: this.#timing,
      signal: this.#abort.signal,
      log: this.#log,
    });
    this.#uploads.set(name, { upload, done: this.#run(name, upload) });
  }

  async #run(name: string, upload: PartUpload): Promise<void> {
    const outcome = await upload.run();
    if (outcome === "stopped") return;
    try {
      if (outcome === "handed_in") {
        // In one step, because what is half deleted would look like a part.
        await rm(await this.#moveTo(this.#removed, name), { recursive: true, force: true });
      } else if (outcome === "damaged") await this.#moveTo(this.#damaged, name);
    } catch (error) {
      // It stays known, or it would be handed in again and again.
      this.#log.error({ part: name, err: error }, "a recording's folder cannot be removed");
      return;
    }
    this.#uploads.delete(name);
    this.#changed();
  }

  async #moveTo(folder: string, name: string): Promise<string> {
    const target = path.join(folder, name);
    await rm(target, { recursive: true, force: true });
    await rename(path.join(this.#recordings, name), target);
    return target;
  }
}
