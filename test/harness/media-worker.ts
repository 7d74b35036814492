/** A real media worker: `media-worker/main.ts` in processes of its own, on free ports, with its data in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

const MAIN = path.resolve(import.meta.dirname, "../../media-worker/main.ts");
const PATIENCE_MS = 15_000;

export type MediaWorker = {
  process: ChildProcess;
  data: string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Lines of JSON that it logged so far. */
  lines: Record<string, unknown>[];
  /** What it wrote to standard error. */
  errors(): string;
  /** Waits for the `count`-th line with this event. */
  event(name: string, count?: number): Promise<Record<string, unknown>>;
  /** The process id of its live process. */
  livePid(): number;
};

export type MediaWorkerOptions = {
  controlUrl: string;
  enrolToken?: string | null;
  data?: string;
  env?: Record<string, string>;
};

/** Killed, and its data removed, when the test is finished. */
export function startMediaWorker({ controlUrl, enrolToken, data, env }: MediaWorkerOptions): MediaWorker {
  const folder = data ?? mkdtempSync(path.join(tmpdir(), "sluice-media-"));
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      SLUICE_CONTROL_URL: controlUrl,
      ...(enrolToken !== null && { SLUICE_ENROL_TOKEN: enrolToken ?? "enrolment-token-of-the-tests" }),
      SLUICE_MEDIA_DATA: folder,
      SLUICE_MEDIA_PUBLIC_URL: "http://127.0.0.1:1",
      SLUICE_RTMP_PORT: "0",
      SLUICE_MEDIA_PORT: "0",
      SLUICE_EXIT_WITH_PARENT: "1",
      ...env,
    },
  });
  const lines: Record<string, unknown>[] = [];
  let errors = "";
  if (child.stdout) createInterface(child.stdout).on("line", (line) => lines.push(JSON.parse(line)));
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk;
  });
  child.stdin?.on("error", () => undefined);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
    if (data === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    process: child,
    data: folder,
    exited,
    lines,
    errors: () => errors,
    async event(name, count = 1) {
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const found = lines.filter((line) => line.event === name)[count - 1];
        if (found) return found;
        if (performance.now() > deadline) throw new Error(`no ${name} in ${JSON.stringify(lines)} ${errors}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    livePid() {
      const own = childrenOf(child.pid ?? 0);
      if (own.length !== 1 || own[0] === undefined) throw new Error(`children: ${own.join(" ")}`);
      return own[0];
    },
  };
}

/** Linux only. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        return parentOf(candidate) === pid;
      } catch {
        return false; // it ended while we looked
      }
    });
}

/** A zombie that nobody has reaped yet is dead. */
export function isAlive(pid: number): boolean {
  try {
    return stateOf(pid) !== "Z";
  } catch {
    return false; // not even a zombie
  }
}

/** The fields after the name, which may hold anything. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

const stateOf = (pid: number) => statOf(pid)[0];
const parentOf = (pid: number) => Number(statOf(pid)[1]);
