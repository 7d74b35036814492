/** How Miniflare runs the control plane: what the build froze, and what is known only at the start. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { LEVELS, type Level, type Log, readLine } from "./log.ts";
import { convertV4MiniflareOptions, LogLevel, Log as MiniflareLog, Response } from "./miniflare.ts";

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

/** Colours, and the marks Miniflare puts before its messages. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const DECORATION = /\u001b\[[0-9;]*m/g;

class Messages extends MiniflareLog {
  readonly #log: Log;

  constructor(log: Log) {
    super(LogLevel.WARN);
    this.#log = log;
  }

  override logWithLevel(level: number, message: string): void {
    if (level > LogLevel.WARN) return;
    const text = message.replace(DECORATION, "");
    this.#log.entry({ source: "edge", level: level === LogLevel.ERROR ? "error" : "warn", message: text });
  }
}

/** Reads the build anew each time. */
export function optionsOf({ root, state, host, port, media, bindings, log }: EdgeOptions) {
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
