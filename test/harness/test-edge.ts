/**
 * The control plane with a Worker of a test's own: the launcher's own way of running it, from a folder that looks like
 * a checkout that was built, but for the Worker's entry.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildWorker } from "../../scripts/build/worker.mjs";
import { startEdge } from "../../scripts/launch/edge.ts";
import { createLog } from "../../scripts/launch/log.ts";
import { takePort } from "../../scripts/launch/ports.ts";
import { localS3 } from "../../scripts/launch/s3-settings.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SECRET = "edge-of-the-tests-0123456789abcdef-0123456789";
const LINES_KEPT = 2000;

export type TestEdgeOptions = {
  /** The Worker's entry, from the root of the checkout. */
  entry: string;
  /** Settings beyond those that every Worker needs. */
  bindings?: Record<string, string>;
  /** Objects beyond those of `wrangler.toml`: class names by binding. */
  objects?: Record<string, string>;
};

export type TestEdge = {
  /** `http://host:port`. */
  origin: string;
  /** Calls what the entry answers at `/test/…`; throws on any answer that is not 2xx. */
  ask(method: string, what: string, order?: unknown): Promise<unknown>;
  /** The last of what it logged. */
  logs(): string[];
  /** Of workerd. Linux only. */
  pid(): number;
  stop(): Promise<void>;
};

/** Builds the Worker of the tests into `root`, as `npm run build` builds the real one. */
async function buildInto(root: string, { entry, objects = {} }: TestEdgeOptions): Promise<void> {
  const out = path.join(root, "dist/worker");
  mkdirSync(out, { recursive: true });
  await buildWorker(out, entry);
  const file = path.join(out, "options.json");
  const options = JSON.parse(readFileSync(file, "utf8"));
  for (const [binding, className] of Object.entries(objects)) {
    options.worker.durableObjects[binding] = { className, useSQLite: true };
  }
  writeFileSync(file, JSON.stringify(options));
}

/** The child of this process whose program is workerd. */
function workerdPid(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").map(Number);
  const found = children.findLast((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd\0serve"));
  if (found === undefined) throw new Error("workerd does not run");
  return found;
}

export async function startTestEdge(options: TestEdgeOptions): Promise<TestEdge> {
  const root = mkdtempSync(path.join(tmpdir(), "sluice-edge-"));
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
  };
  const remove = () => rmSync(root, { recursive: true, force: true });
  try {
    await buildInto(root, options);
    mkdirSync(path.join(root, "dist/web"));
    symlinkSync(path.join(ROOT, "scripts"), path.join(root, "scripts"));
    const port = await takePort("127.0.0.1", 0, "SLUICE_PORT");
    const mainPort = await takePort("127.0.0.1", 0, "SLUICE_PORT");
    const origin = `http://127.0.0.1:${port}`;
    const edge = await startEdge({
      root,
      state: path.join(root, "state"),
      host: "127.0.0.1",
      port,
      mainPort,
      // No media worker runs: nothing listens there.
      media: "127.0.0.1:9",
      bindings: { SLUICE_SECRET: SECRET, SLUICE_PUBLIC_URL: origin, SLUICE_TRUST_PROXY: "", ...options.bindings },
      s3: localS3(mainPort, SECRET),
      s3IsLocal: true,
      log: createLog(false, keep, Date.now),
    });
    const stop = async () => {
      // What does not end in time, as on a busy machine, ends with this process.
      await edge.stop().catch(() => undefined);
      remove();
    };
    try {
      await edge.migrate();
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      origin,
      async ask(method, what, order) {
        const body = order === undefined ? null : JSON.stringify(order);
        const response = await fetch(`${origin}/test/${what}`, { method, body });
        if (!response.ok) throw new Error(`/test/${what} answered ${response.status}: ${await response.text()}`);
        return response.json();
      },
      logs: () => lines,
      pid: workerdPid,
      stop,
    };
  } catch (error) {
    remove();
    throw error;
  }
}
