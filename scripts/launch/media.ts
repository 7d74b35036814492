/** The media worker beside the control plane: started, read, and started again when it dies. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { BackOff } from "#kit/back-off";
import { type Entry, type Log, readLine } from "./log.ts";

export type MediaOptions = {
  /** The bundle. */
  script: string;
  env: Record<string, string>;
  log: Log;
  /** Lines that carry an `event`. */
  onEvent: (event: string, fields: Record<string, unknown>) => void;
};

export type Media = {
  /** Ends the process and starts it with the environment as it is now. */
  restart(): Promise<void>;
  /** Asks it to finish (publishers are told, reports sent), and kills it when that takes too long. */
  stop(): Promise<void>;
};

const STOP_MS = 5000;
/** A process that ran this long was well. */
const SETTLED_MS = 10_000;

/** Kills a process that leads a group, and all that it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

export function startMedia({ script, env, log, onEvent }: MediaOptions): Media {
  const backOff = new BackOff(250, 8000);
  let child: ChildProcess;
  let exited: Promise<void>;
  let wanted = true;

  const start = () => {
    const began = performance.now();
    const current = spawn(process.execPath, ["--enable-source-maps", script], {
      // The open standard input is its lifeline: it exits when that ends, however we died.
      stdio: ["pipe", "pipe", "pipe"],
      // Out of the terminal's group: Ctrl-C reaches us, and we stop things in order.
      detached: true,
      env: { ...process.env, ...env, SLUICE_EXIT_WITH_PARENT: "1" },
    });
    child = current;
    exited = new Promise((resolve) => current.once("exit", () => resolve()));
    const read = (entry: Entry & { event?: string | undefined }) => {
      log.entry(entry);
      if (entry.event !== undefined) onEvent(entry.event, entry.fields ?? {});
    };
    // stdin can break while the process dies; its exit is what counts.
    current.stdin?.on("error", () => undefined);
    if (current.stdout) createInterface(current.stdout).on("line", (line) => read(readLine("media", line)));
    if (current.stderr) createInterface(current.stderr).on("line", (line) => read(readLine("media", line, "error")));
    current.once("exit", async (code, signal) => {
      // What it started goes with it, and gives back the ports.
      killGroup(current);
      if (!wanted || child !== current) return;
      if (performance.now() - began >= SETTLED_MS) backOff.reset();
      const wait = Math.round(backOff.next());
      const how = signal === null ? `ended with code ${code}` : `was killed (${signal})`;
      log.entry({ source: "sluice", level: "warn", message: `The media worker ${how}; it starts again in ${wait} ms` });
      await sleep(wait);
      if (wanted && child === current) start();
    });
  };

  const end = async () => {
    const [current, gone] = [child, exited];
    current.kill("SIGTERM");
    const timer = setTimeout(() => killGroup(current), STOP_MS);
    await gone;
    clearTimeout(timer);
  };

  process.once("exit", () => killGroup(child));
  start();
  return {
    async restart() {
      wanted = false;
      await end();
      wanted = true;
      start();
    },
    async stop() {
      wanted = false;
      await end();
    },
  };
}
