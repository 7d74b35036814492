/** Sends spooled reports until the control plane has taken each: at least once, oldest first. */
import { BackOff } from "#kit/back-off";
import type { Log } from "../log.ts";
import type { Spool, Spooled } from "./spool.ts";

const BATCH = 50;
const TIMEOUT_MS = 10_000;
const RETRY_MS = { first: 200, most: 30_000 };
/** Asking the same again would get the same answer. */
const FINAL = new Set([400, 404, 405, 409, 413, 415, 422]);

export type PosterOptions = {
  spool: Spool;
  url: string;
  /** A fresh bearer token, or null while there is no identity. */
  token(): Promise<string | null>;
  fetch?: typeof fetch;
  log: Log;
};

export class ReportPoster {
  readonly #options: PosterOptions;
  readonly #backOff = new BackOff(RETRY_MS.first, RETRY_MS.most);
  #working = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(options: PosterOptions) {
    this.#options = options;
  }

  /** There is something to send, or a reason to think that it will be taken now. */
  kick(): void {
    clearTimeout(this.#timer);
    if (this.#working) {
      this.#again = true;
      return;
    }
    this.#working = true;
    const work = this.#work().catch((error: unknown) => {
      this.#options.log.error({ err: error }, "the spool cannot be read");
      this.#retryLater();
    });
    void work.then(() => {
      this.#working = false;
      for (const resolve of this.#idle.splice(0)) resolve();
      if (this.#again) {
        this.#again = false;
        this.kick();
      }
    });
  }

  /** Tries once to send everything; resolves when that is done or failed, or the time is over. */
  async flush(timeout_ms: number): Promise<void> {
    if (this.#options.spool.isEmpty()) return;
    const done = new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      setTimeout(resolve, timeout_ms).unref();
    });
    this.kick();
    await done;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #work(): Promise<void> {
    const { spool, log } = this.#options;
    for (let batch = spool.oldest(BATCH); batch.length > 0; batch = spool.oldest(BATCH)) {
      if (await this.#deliver(batch)) {
        this.#backOff.reset();
        continue;
      }
      log.debug({ reports: batch.length }, "reports not taken yet");
      this.#retryLater();
      return;
    }
  }

  #retryLater(): void {
    this.#timer = setTimeout(() => this.kick(), this.#backOff.next());
  }

  /** True when each report is settled: taken, or refused for good. */
  async #deliver(batch: Spooled[]): Promise<boolean> {
    const { spool } = this.#options;
    const status = await this.#post(batch);
    if (status === null) return false;
    if (status >= 200 && status < 300) {
      for (const { file } of batch) spool.taken(file);
      return true;
    }
    if (!FINAL.has(status)) return false;
    const [only, ...others] = batch;
    if (only && others.length === 0) {
      spool.reject(only.file, `status ${status}`);
      return true;
    }
    // The one that is refused must not hold up the others.
    for (const spooled of batch) if (!(await this.#deliver([spooled]))) return false;
    return true;
  }

  /** The status, or null when the control plane was not reached. */
  async #post(batch: Spooled[]): Promise<number | null> {
    const { url, log } = this.#options;
    try {
      const token = await this.#options.token();
      if (token === null) return null;
      const response = await (this.#options.fetch ?? fetch)(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ reports: batch.map(({ report }) => report) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: "error",
      });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      log.debug({ err: error }, "reports not sent");
      return null;
    }
  }
}
