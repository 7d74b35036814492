/**
 * The control plane with chat objects that tests can have fail: the launcher's own way of running it, from a folder
 * that looks like a checkout that was built, but for the Worker, whose entry is `faulty-worker.ts`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { UserRole } from "#contract/identity";
import { buildWorker } from "../../scripts/build/worker.mjs";
import { startEdge } from "../../scripts/launch/edge.ts";
import { createLog } from "../../scripts/launch/log.ts";
import { takePort } from "../../scripts/launch/ports.ts";
import { localS3 } from "../../scripts/launch/s3-settings.ts";
import type { ChatLook, ChatObject, TestUser } from "./chat-orders.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ENTRY = "test/harness/faulty-worker.ts";
const SECRET = "chat-edge-of-the-tests-0123456789abcdef";
const LINES_KEPT = 2000;

export type ChatEdge = {
  /** `http://host:port`. */
  origin: string;
  /** New accounts, with a session each. */
  users(count: number, role?: UserRole): Promise<TestUser[]>;
  /** Resolves when the object is gone; the next call makes it anew from its storage. */
  abort(object: ChatObject, name: string): Promise<void>;
  look(): Promise<ChatLook>;
  /** The last of what it logged. */
  logs(): string[];
  /** Of workerd. Linux only. */
  pid(): number;
  stop(): Promise<void>;
};

export type ChatEdgeOptions = {
  /** How many gateways a region has; default 1, as `npm start` has it. */
  shards?: number;
};

/** Builds the Worker of the tests into `root`, as `npm run build` builds the real one. */
async function buildInto(root: string): Promise<void> {
  const out = path.join(root, "dist/worker");
  mkdirSync(out, { recursive: true });
  await buildWorker(out, ENTRY);
  const file = path.join(out, "options.json");
  const options = JSON.parse(readFileSync(file, "utf8"));
  options.worker.durableObjects.NAIVE_ROOM = { className: "NaiveRoom", useSQLite: true };
  writeFileSync(file, JSON.stringify(options));
}

/** The child of this process whose program is workerd. */
function workerdPid(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").map(Number);
  const found = children.findLast((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd\0serve"));
  if (found === undefined) throw new Error("workerd does not run");
  return found;
}

export async function startChatEdge({ shards = 1 }: ChatEdgeOptions = {}): Promise<ChatEdge> {
  const root = mkdtempSync(path.join(tmpdir(), "sluice-chat-"));
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
  };
  const remove = () => rmSync(root, { recursive: true, force: true });
  try {
    await buildInto(root);
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
      bindings: {
        SLUICE_SECRET: SECRET,
        SLUICE_PUBLIC_URL: origin,
        SLUICE_TRUST_PROXY: "",
        SLUICE_CHAT_SHARDS: String(shards),
      },
      s3: localS3(mainPort, SECRET),
      s3IsLocal: true,
      log: createLog(false, keep, Date.now),
    });
    const ask = async (method: string, what: string, order?: unknown) => {
      const body = order === undefined ? null : JSON.stringify(order);
      const response = await fetch(`${origin}/test/${what}`, { method, body });
      if (!response.ok) throw new Error(`/test/${what} answered ${response.status}: ${await response.text()}`);
      return response.json();
    };
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
      users: (count, role = "user") => ask("POST", "users", { count, role }) as Promise<TestUser[]>,
      abort: async (object, name) => void (await ask("POST", "abort", { object, name })),
      look: () => ask("GET", "chat") as Promise<ChatLook>,
      logs: () => lines,
      pid: workerdPid,
      stop,
    };
  } catch (error) {
    remove();
    throw error;
  }
}
