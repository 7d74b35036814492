/** How Miniflare runs the control plane: what the build froze, and what is known only at the start. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Request } from "miniflare";
import { LEVELS, type Level, type Log, readLine } from "./log.ts";
import { convertV4MiniflareOptions, fetch, LogLevel, Log as MiniflareLog, Response } from "./miniflare.ts";
import { environmentOf, type S3Settings } from "./s3-settings.ts";

export type EdgeOptions = {
  root: string;
  /** The folder of the state: D1, Durable Objects, R2. */
  state: string;
  host: string;
  port: number;
  /** Of Miniflare's own endpoints, on loopback: R2's S3, the scheduled handler. */
  mainPort: number;
  /** `host:port` of the play server of the media worker. */
  media: string;
  /** What the Worker reads as its environment. */
  bindings: Record<string, string>;
  /** What the Worker's recordings go to. */
  s3: S3Settings;
  /** Whether `s3` is R2's local endpoint. */
  s3IsLocal: boolean;
  log: Log;
};

/** Colours, and the marks Miniflare puts before its messages. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const DECORATION = /\u001b\[[0-9;]*m/g;

const refused = () => new Response("Outbound requests are refused", { status: 403 });

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

/** The Worker's way to its S3, and nowhere else. */
function s3Service({ s3, s3IsLocal, mainPort }: EdgeOptions) {
  if (s3IsLocal) return { external: { address: `127.0.0.1:${mainPort}`, http: {} } };
  const { origin } = new URL(s3.endpoint);
  // Through Node: workerd would ask for the host's address once and never again.
  return (request: Request) =>
    new URL(request.url).origin === origin ? fetch(request, { redirect: "manual" }) : refused();
}

/**
 * The Worker's way to the mail server, only where there is one. It trusts what Node trusts, the certificates of
 * `NODE_EXTRA_CA_CERTS` included.
 */
function smtpService({ bindings }: EdgeOptions) {
  if (!bindings.SMTP_URL) return {};
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  const trustedCertificates = extra ? [readFileSync(extra, "utf8")] : [];
  const tlsOptions = { trustBrowserCas: true, trustedCertificates };
  return { SMTP: { network: { allow: ["public", "private"], tlsOptions } } };
}

/** Reads the build anew each time. */
export function optionsOf(options: EdgeOptions) {
  const { root, state, host, port, mainPort, media, bindings, s3, s3IsLocal, log } = options;
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
    port: mainPort,
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
        // The public endpoint of `wrangler.toml` is that of another bucket.
        bindings: { ...worker.bindings, ...bindings, S3_PUBLIC_ENDPOINT: "", ...environmentOf(s3) },
        serviceBindings: {
          ...worker.serviceBindings,
          ASSETS: "side",
          MEDIA: { external: { address: media, http: {} } },
          S3: s3Service(options),
          ...smtpService(options),
        },
        unsafeDirectSockets: [{ host, port }],
        // Nothing that the Worker does needs the outside: what it fetches beyond its bindings is refused.
        outboundService: refused,
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
        // Served by its S3 endpoint, which is all that the Worker knows of it, as in production.
        ...(s3IsLocal && {
          r2Buckets: {
            BUCKET: {
              id: s3.bucket,
              s3Credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
            },
          },
        }),
        assets: { ...assets, binding: "ASSETS", directory: path.join(root, "dist/web") },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0, entrypoint: "migrations" }],
        outboundService: refused,
      },
    ],
  });
}
