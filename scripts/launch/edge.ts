/** The control plane on this machine: workerd, kept alive through Miniflare. */
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Miniflare as Runtime } from "miniflare";
import { BackOff } from "#kit/back-off";
import { type EdgeOptions, optionsOf } from "./edge-options.ts";
import { LaunchError, messageOf } from "./errors.ts";
import { Miniflare } from "./miniflare.ts";

export type Edge = {
  /** Applies the migrations that are missing and resolves to their names. */
  migrate(): Promise<string[]>;
  /** Runs the scheduled handler as the cron trigger `cron` would. */
  tick(cron: string): Promise<void>;
  /** Takes what was built anew. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

const LOOK_EVERY_MS = 500;
/** A runtime that is not ready by then is given up, and another one started. */
const START_MS = 10_000;
const STOP_MS = 3000;
/** A runtime that ran this long was well. */
const SETTLED_MS = 10_000;

/** workerd as Miniflare would start it itself. */
function workerdBinary(): string {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve("miniflare"))("workerd").default;
}

/** Miniflare's own signal handlers end the process at once; the launcher has an order to keep. */
function withoutSignalHandlers<T>(make: () => T): T {
  const names = ["SIGINT", "SIGTERM", "SIGHUP", "message"] as const;
  const before = names.map((name) => process.listeners(name as "SIGINT"));
  const made = make();
  names.forEach((name, index) => {
    for (const listener of process.listeners(name as "SIGINT")) {
      if (!before[index]?.includes(listener)) process.off(name, listener);
    }
  });
  return made;
}

/** Rejects when `promise` takes longer. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const timeout = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`it took more than ${milliseconds / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeout.abort();
  }
}

/** Starts workerd and resolves when the Worker can be called. Throws a `LaunchError` when it cannot start. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const say = (level: "warn" | "error", message: string) => options.log.entry({ source: "sluice", level, message });
  const backOff = new BackOff(250, 8000);
  let up = performance.now();
  let wait = 0;
  let settled: NodeJS.Timeout | undefined;
  let stopping = false;

  /** Miniflare starts a dead workerd again at once. When it dies again and again, our wrapper of it waits. */
  const waitBeforeStart = (milliseconds: number) => {
    wait = milliseconds;
    process.env.SLUICE_WORKERD_WAIT = String(milliseconds / 1000);
  };
  const died = () => {
    if (performance.now() - up >= SETTLED_MS) backOff.reset();
    waitBeforeStart(backOff.next());
    up = performance.now();
    clearTimeout(settled);
    settled = setTimeout(waitBeforeStart, SETTLED_MS, 0).unref();
  };
  const configured = () => ({
    ...optionsOf(options),
    unsafeHandleRuntimeRestart() {
      died();
      say("warn", "workerd died and is back");
    },
  });
  const create = () => {
    const made = withoutSignalHandlers(() => new Miniflare(configured()));
    // A failure is seen by whoever waits for it next.
    made.ready.catch(() => undefined);
    return made;
  };
  const dispose = (miniflare: Runtime) => within(STOP_MS, miniflare.dispose());

  process.env.SLUICE_WORKERD = workerdBinary();
  process.env.MINIFLARE_WORKERD_PATH = path.join(options.root, "scripts/launch/workerd.sh");
  waitBeforeStart(0);
  let miniflare = create();
  try {
    await miniflare.ready;
  } catch (error) {
    await dispose(miniflare).catch(() => undefined);
    throw new LaunchError(`The control plane did not start: ${messageOf(error)}`);
  }

  /** Miniflare gives up, or hangs, when workerd dies again before it is ready: then a new one takes its place. */
  const watch = async () => {
    while (!stopping) {
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
      try {
        await within(START_MS + wait, miniflare.ready);
      } catch (error) {
        if (stopping) return;
        say("error", `workerd did not start: ${messageOf(error)}`);
        died();
        // It cannot be waited for: what hangs is what `dispose` waits for.
        dispose(miniflare).catch(() => undefined);
        miniflare = create();
      }
    }
  };
  void watch();

  return {
    async migrate() {
      const response = await fetch(await miniflare.unsafeGetDirectURL("side", "migrations"), { method: "POST" });
      const text = await response.text();
      if (!response.ok) throw new LaunchError(`The database could not be brought up to date: ${text}`);
      return JSON.parse(text);
    },
    async tick(cron) {
      const url = new URL(`/cdn-cgi/local/scheduled?cron=${encodeURIComponent(cron)}`, await miniflare.ready);
      const response = await fetch(url);
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the scheduled handler answered ${response.status}`);
    },
    async reload() {
      up = performance.now();
      await miniflare.setOptions(configured());
    },
    async stop() {
      stopping = true;
      await dispose(miniflare);
    },
  };
}
