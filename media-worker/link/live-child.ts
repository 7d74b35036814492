/** The supervisor's handle on the live process: forks it, speaks IPC with it, and starts it again when it dies. */
import type { ChildProcess } from "node:child_process";
import type { AuthoriseReply, AuthoriseRequest } from "#contract/media";
import { BackOff } from "#kit/back-off";
import type { Log } from "../log.ts";
import type { RecordingPoke } from "../recorder/part-files.ts";
import { FromLive, type Snapshot, type ToLive } from "./ipc.ts";

/** At most one restart a second at first; a process that ran this long is taken for sound. */
const RESTART_MS = { first: 250, most: 10_000 };
const SOUND_MS = 30_000;
const SNAPSHOT_MS = 1_000;
const KILL_MS = 1_000;

export type Ports = { rtmp: number; http: number };
type Event = Extract<FromLive, { type: "event" }>;

export type LiveChildOptions = {
  /** `ports`: where it listened before, so that it is found again. */
  fork(ports: Ports | null): ChildProcess;
  authorise(request: AuthoriseRequest): Promise<AuthoriseReply>;
  onEvent(event: Pick<Event, "job" | "progress" | "body">): void;
  onProgress(jobs: Extract<FromLive, { type: "progress" }>["jobs"]): void;
  /** A recording on disk came further. */
  onRecording(poke: RecordingPoke): void;
  onListening(ports: Ports): void;
  /** It died; everything it ran is over. It is started again if it ever listened. */
  onDied(how: string): void;
  log: Log;
};

export class LiveChild {
  readonly #options: LiveChildOptions;
  readonly #backOff = new BackOff(RESTART_MS.first, RESTART_MS.most);
  readonly #snapshots = new Map<number, (snapshot: Snapshot) => void>();
  #child: ChildProcess | null = null;
  #ports: Ports | null = null;
  #nextRid = 0;
  #wanted = true;
  #drained: (() => void) | null = null;

  constructor(options: LiveChildOptions) {
    this.#options = options;
  }

  start(): void {
    const { log } = this.#options;
    const began = performance.now();
    const child = this.#options.fork(this.#ports);
    this.#child = child;
    child.on("message", (message) => {
      const frame = FromLive.safeParse(message);
      if (frame.success) this.#take(child, frame.data);
      else log.error({ err: frame.error }, "the live process sent something unknown");
    });
    child.once("error", (error) => log.error({ err: error }, "the live process failed"));
    child.once("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#drained?.();
      this.#options.onDied(signal ?? `exit code ${code}`);
      if (!this.#wanted || this.#ports === null) return;
      if (performance.now() - began > SOUND_MS) this.#backOff.reset();
      setTimeout(() => this.#wanted && this.start(), this.#backOff.next());
    });
  }

  /** What it runs: nothing while it is down. Rejects when it does not answer. */
  async snapshot(): Promise<Snapshot> {
    const rid = this.#nextRid++;
    const { promise, resolve, reject } = Promise.withResolvers<Snapshot>();
    if (!this.send({ type: "report", rid })) return { running: [], viewers: [] };
    this.#snapshots.set(rid, resolve);
    const timer = setTimeout(() => reject(new Error("the live process does not answer")), SNAPSHOT_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#snapshots.delete(rid);
    }
  }

  /** False when there is nobody to tell. */
  send(order: ToLive): boolean {
    if (!this.#child?.connected) return false;
    this.#child.send(order, (error) => {
      if (error) this.#options.log.warn({ err: error }, "order not delivered to the live process");
    });
    return true;
  }

  /** Closes all publishers within `timeout_ms`, then ends the process for good. */
  async stop(timeout_ms: number): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (!child) return;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    if (this.send({ type: "drain", seconds: 0 })) await within(drained, timeout_ms);
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (child.connected) child.disconnect();
    await within(exited, KILL_MS);
    child.kill("SIGKILL");
  }

  #take(child: ChildProcess, frame: FromLive): void {
    switch (frame.type) {
      case "listening":
        this.#ports = { rtmp: frame.rtmp, http: frame.http };
        this.#options.onListening(this.#ports);
        break;
      case "authorise":
        void this.#options.authorise(frame.request).then((reply) => {
          // One that died meanwhile has no use for the answer, and its successor did not ask.
          if (this.#child === child) this.send({ type: "authorised", rid: frame.rid, reply });
        });
        break;
      case "event":
        this.#options.onEvent(frame);
        break;
      case "snapshot":
        this.#snapshots.get(frame.rid)?.(frame);
        break;
      case "progress":
        this.#options.onProgress(frame.jobs);
        break;
      case "recording":
        this.#options.onRecording(frame);
        break;
      case "drained":
        this.#drained?.();
        break;
      default:
        frame satisfies never;
    }
  }
}

async function within(promise: Promise<void>, timeout_ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeout_ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
