/** The control plane on this machine: workerd through Miniflare, on the bundle and options that the build froze. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { convertV4MiniflareOptions, LogLevel, Miniflare, Log as MiniflareLog, Response } from "miniflare";
import { BackOff, SETTLED_MS } from "./back-off.ts";
import { LaunchError, messageOf } from "./errors.ts";
import { LEVELS, type Level, type Log, readLine } from "./log.ts";

export type EdgeOptions = {
  root: string;
  /** The folder of the state: D1, Durable Objects. */
  state: string;
  host: string;
  port: number;
  /** `host:port` of the play server of the media worker. */
  media: string;
  /** What the Worker reads as its environment. */
  bindings: Record<string, string>;
  log: Log;
};

export type Edge = {
  /** Applies the migrations that are missing and resolves to their names. */
  migrate(): Promise<string[]>;
  /** Takes what was built anew. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

const LOOK_EVERY_MS = 500;
const MINUTE_MS = 60_000;

/** Colours, and the marks Miniflare puts before its messages. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const DECORATION = /\u001b\[[0-9;]*m/g;

class Messages extends MiniflareLog {
  readonly #log: Log;

  constructor(log: Log) {
    super(LogLevel.WARN);
    this.#log = log;
  }

  override logWithLevel(level: LogLevel, message: string): void {
    if (level > LogLevel.WARN) return;
    const text = message.replace(DECORATION, "");
    this.#log.entry({ source: "edge", level: level === LogLevel.ERROR ? "error" : "warn", message: text });
  }
}

/** The options that the build froze hold everything but what is known only now. */
function optionsOf({ root, state, host, port, media, bindings, log }: EdgeOptions) {
  const built = path.join(root, "dist/worker");
  const read = (name: string) => JSON.parse(readFileSync(path.join(built, name), "utf8"));
  const { worker, assets } = read("options.json");
  const modules = readdirSync(built)
    .filter((name) => name === "index.js" || name.endsWith(".wasm"))
    // The first module is the entry.
    .sort((a, b) => Number(b === "index.js") - Number(a === "index.js"))
    .map((name) => ({
      type: name.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const),
      path: path.join(built, name),
    }));
  const { compatibilityDate, compatibilityFlags } = worker;
  return convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    telemetry: { enabled: false },
    log: new Messages(log),
    resourcePersistencePath: state,
    unsafeTriggerHandlers: true,
    handleStructuredLogs({ level, message }) {
      const known = LEVELS.find((name) => name === level) ?? ("info" satisfies Level);
      log.entry(readLine("edge", message.trimEnd(), known));
    },
    workers: [
      {
        ...worker,
        name: "sluice",
        rootPath: root,
        modulesRoot: built,
        modules,
        bindings: { ...worker.bindings, ...bindings },
        serviceBindings: {
          ...worker.serviceBindings,
          ASSETS: "side",
          MEDIA: { external: { address: media, http: {} } },
        },
        unsafeDirectSockets: [{ host, port }],
        // Nothing that the Worker does needs the outside: what it fetches beyond its bindings is refused.
        outboundService: () => new Response("Outbound requests are refused", { status: 403 }),
      },
      {
        name: "side",
        rootPath: root,
        compatibilityDate,
        compatibilityFlags,
        modulesRoot: path.join(root, "scripts/launch"),
        modules: [{ type: "ESModule", path: path.join(root, "scripts/launch/side-worker.mjs") }],
        bindings: { MIGRATIONS: read("migrations.json") },
        d1Databases: worker.d1Databases,
        assets: { ...assets, binding: "ASSETS", directory: path.join(root, "dist/web") },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0, entrypoint: "migrations" }],
        outboundService: () => new Response("Outbound requests are refused", { status: 403 }),
      },
    ],
  });
}

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

/** Starts workerd and resolves when the Worker can be called. Throws a `LaunchError` when it cannot start. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { log } = options;
  const backOff = new BackOff();
  let up = performance.now();
  let stopping = false;
  let settled: NodeJS.Timeout | undefined;

  // Miniflare starts a dead workerd again at once. When it dies again and again, our wrapper of it waits.
  const died = () => {
    const wait = backOff.died(performance.now() - up);
    up = performance.now();
    process.env.SLUICE_WORKERD_WAIT = String(wait / 1000);
    clearTimeout(settled);
    settled = setTimeout(() => {
      process.env.SLUICE_WORKERD_WAIT = "0";
    }, SETTLED_MS);
    settled.unref();
  };
  const configured = () => ({
    ...optionsOf(options),
    unsafeHandleRuntimeRestart() {
      died();
      log.entry({ source: "sluice", level: "warn", message: "workerd died and is back" });
    },
  });

  process.env.SLUICE_WORKERD = workerdBinary();
  process.env.SLUICE_WORKERD_WAIT = "0";
  process.env.MINIFLARE_WORKERD_PATH = path.join(options.root, "scripts/launch/workerd.sh");
  const miniflare = withoutSignalHandlers(() => new Miniflare(configured()));
  let entry: URL;
  try {
    entry = await miniflare.ready;
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    throw new LaunchError(`The control plane did not start: ${messageOf(error)}`);
  }

  /** Miniflare gives up when workerd dies again before it is ready: then it is started from here. */
  const watch = async () => {
    while (!stopping) {
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
      try {
        entry = await miniflare.ready;
      } catch (error) {
        if (stopping) return;
        log.entry({ source: "sluice", level: "error", message: `workerd did not start: ${messageOf(error)}` });
        died();
        // A failure shows up in `ready` on the next round.
        await miniflare.setOptions(configured()).catch(() => undefined);
      }
    }
  };
  void watch();

  const crons: string[] = JSON.parse(readFileSync(path.join(options.root, "dist/worker/options.json"), "utf8")).worker
    .cronTriggers;
  const tick = setInterval(() => {
    for (const cron of crons) {
      const url = new URL(`/cdn-cgi/local/scheduled?cron=${encodeURIComponent(cron)}`, entry);
      fetch(url).then(
        (response) => response.body?.cancel(),
        (error) => log.entry({ source: "sluice", level: "warn", message: `The cron tick failed: ${messageOf(error)}` }),
      );
    }
  }, MINUTE_MS);
  tick.unref();

  return {
    async migrate() {
      const url = await miniflare.unsafeGetDirectURL("side", "migrations");
      const response = await fetch(url, { method: "POST" });
      const text = await response.text();
      if (!response.ok) throw new LaunchError(`The database could not be brought up to date: ${text}`);
      return JSON.parse(text);
    },
    async reload() {
      up = performance.now();
      await miniflare.setOptions(configured());
      entry = await miniflare.ready;
    },
    async stop() {
      stopping = true;
      clearInterval(tick);
      await miniflare.dispose();
    },
  };
}
