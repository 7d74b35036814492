/** All that was recorded here and is not handed in yet: finds it in the spool, and uploads it whatever happens. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import * as z from "zod";
import type { Log } from "../log.ts";
import { isMissing, type PartFile, readPart } from "../recorder/part-files.ts";
import { type PartOutcome, PartUpload } from "./part-upload.ts";
import { Patience } from "./patience.ts";
import { RecordingsClient } from "./recordings-client.ts";
import { Slots } from "./slots.ts";
import { UPLOAD_TIMING, type UploadTiming } from "./timing.ts";

/** Slices under way at once, of all parts together. */
const PUTS = 3;
const CONNECT_MS = 10_000;
const SETTLE_MS = 20;
/** Names in one line of the log. */
const NAMED_MAX = 20;
const LEFT_TO_PEOPLE =
  "what cannot be handed in is kept here, and counts for no limit: its *.slice files, joined in order, are an MP4 as far as they are there; delete the folder when nobody needs it";

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
  /** The last look found what cannot be read, and it was said. */
  #failing = false;

  constructor({ spool, controlUrl, token, log, timing }: UploadsOptions) {
    this.#log = log;
    this.#timing = { ...UPLOAD_TIMING, ...timing };
    this.#recordings = path.join(spool, "recordings");
    this.#removed = path.join(spool, "removed");
    this.#damaged = path.join(spool, "damaged");
    this.#patience = new Patience(this.#timing.stall);
    this.#client = new RecordingsClient({ controlUrl, token, dispatcher: this.#agent, timing: this.#timing });
  }

  /** Begins with what is in the spool. The control plane need not be there, and the disk may be full. */
  async start(): Promise<void> {
    try {
      await mkdir(this.#recordings, { recursive: true, mode: 0o700 });
      await rm(this.#removed, { recursive: true, force: true });
      this.#tellOf(await namesIn(this.#damaged));
    } catch (error) {
      this.#log.error({ err: error }, "the spool of recordings is not as it should be");
    }
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
    let failure: unknown = null;
    try {
      for (const entry of await readdir(this.#recordings, { withFileTypes: true })) {
        const known = this.#uploads.get(entry.name);
        if (known) known.upload.poke();
        // One that the disk does not give holds up no other.
        else if (entry.isDirectory()) await this.#take(entry.name).catch((error: unknown) => (failure ??= error));
      }
    } catch (error) {
      failure = error;
    }
    if (failure !== null && !this.#failing) this.#log.error({ err: failure }, "the spool of recordings cannot be read");
    this.#failing = failure !== null;
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
      await this.#setAside(name);
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
    // Until then it stays known, or it would be handed in again and again.
    for (let failed = false; !(await this.#clear(name, outcome, failed)); failed = true) {
      await sleep(this.#timing.retry.most, undefined, { signal: this.#abort.signal }).catch(() => undefined);
      if (this.#abort.signal.aborted) return;
    }
    this.#uploads.delete(name);
    this.#changed();
  }

  /** False when the disk does not let us; said once. */
  async #clear(name: string, outcome: PartOutcome, failed: boolean): Promise<boolean> {
    try {
      if (outcome === "damaged") await this.#setAside(name);
      else if (outcome === "handed_in") await this.#remove(name);
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      if (!failed) this.#log.error({ part: name, err: error }, "a recording's folder cannot be removed");
      return false;
    }
  }

  /** Out of the recorder's sight in one step, because what is half deleted would look like a part to it. */
  async #remove(name: string): Promise<void> {
    const folder = await this.#moveTo(this.#removed, name);
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) =>
      this.#log.warn({ part: name, err: error }, "what was handed in is deleted at the next start"),
    );
  }

  async #setAside(name: string): Promise<void> {
    await this.#moveTo(this.#damaged, name);
    this.#tellOf([name]);
  }

  #tellOf(damaged: readonly string[]): void {
    if (damaged.length === 0) return;
    // As the operator knows it: below the data folder.
    const folder = path.join(path.basename(path.dirname(this.#damaged)), path.basename(this.#damaged));
    this.#log.warn({ folder, parts: damaged.slice(0, NAMED_MAX), count: damaged.length }, LEFT_TO_PEOPLE);
  }

  async #moveTo(folder: string, name: string): Promise<string> {
    const target = path.join(folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(target, { recursive: true, force: true });
    await rename(path.join(this.#recordings, name), target);
    return target;
  }
}

/** None when the folder is not there. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
