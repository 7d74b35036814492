/**
 * The tasks that the control plane handed to this worker. What was said of one is said again after each welcome, until
 * the control plane says that it is settled; then it is forgotten, and stopped if it still runs. In memory only: a task
 * may be repeated from its start, and after a crash the next hello says by its silence that it is.
 */
import type { TaskEvent, UpFrame } from "#contract/media";
import type { TaskKind, TaskOrder, TaskRef } from "#contract/tasks";
import type { Log } from "../log.ts";
import { TaskFailure } from "./task-failure.ts";

const MESSAGE_MAX = 300;

/** Rejects with `TaskFailure`, or with the signal's reason once it is aborted. */
export type Executor<K extends TaskKind> = (
  order: Extract<TaskOrder, { kind: K }>,
  signal: AbortSignal,
) => Promise<void>;
export type Executors = { [K in TaskKind]: Executor<K> };

export type TaskRunnerOptions = {
  executors: Executors;
  /** How many run at once, of those that cost something. */
  max: number;
  /** False when the link is down. */
  send(frame: UpFrame): boolean;
  log: Log;
};

type Entry = { ref: TaskRef; order: TaskOrder; abort: AbortController; said: TaskEvent | null };

/** Only waits for what is done anyway. */
const costs = (order: TaskOrder) => order.kind !== "finish";

export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  /** By lease, in the order they came. */
  readonly #entries = new Map<string, Entry>();
  #draining = false;
  #stopped = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** How many of those that cost something are not done. */
  get busy(): number {
    return [...this.#entries.values()].filter((entry) => costs(entry.order) && !isOver(entry)).length;
  }

  /** How many of those that cost something may be handed to it. */
  get max(): number {
    return this.#draining ? 0 : this.#options.max;
  }

  /** Goes on with what it has, and asks for nothing more that costs something. */
  drain(): void {
    this.#draining = true;
  }

  /** For hello: those that run, or whose end was not acknowledged. */
  refs(): TaskRef[] {
    return [...this.#entries.values()].map(({ ref }) => ref);
  }

  /** Begins it, now or when there is room. A newer attempt of a job ends the older one. */
  assign(ref: TaskRef, order: TaskOrder): void {
    if (this.#stopped) return;
    const known = this.#entries.get(ref.lease);
    if (known) {
      this.#repeat(known);
      return;
    }
    for (const { ref: older } of this.#entries.values()) if (older.job_id === ref.job_id) this.settled(older);
    this.#entries.set(ref.lease, { ref, order, abort: new AbortController(), said: null });
    this.#beginMore();
  }

  settled({ lease }: TaskRef): void {
    this.#entries.get(lease)?.abort.abort();
    this.#entries.delete(lease);
    this.#beginMore();
  }

  /** The link is back. */
  welcomed(): void {
    for (const entry of this.#entries.values()) this.#repeat(entry);
  }

  /** Ends everything and takes nothing more. The control plane gives the tasks out anew. */
  stop(): void {
    this.#stopped = true;
    this.drain();
    for (const { abort } of this.#entries.values()) abort.abort();
    this.#entries.clear();
  }

  #beginMore(): void {
    let running = [...this.#entries.values()].filter(
      (entry) => costs(entry.order) && entry.said && !isOver(entry),
    ).length;
    for (const entry of this.#entries.values()) {
      if (entry.said) continue;
      if (costs(entry.order)) {
        if (running >= this.#options.max) continue;
        running += 1;
      }
      void this.#run(entry);
    }
  }

  async #run(entry: Entry): Promise<void> {
    const { ref, order, abort } = entry;
    const { log } = this.#options;
    const about = { job_id: ref.job_id, attempt: ref.attempt };
    log.debug(about, "task begun");
    this.#say(entry, { event: "running" });
    const began = performance.now();
    try {
      await this.#execute(order, abort.signal);
      abort.signal.throwIfAborted();
      log.info({ ...about, ms: Math.round(performance.now() - began) }, "task done");
      this.#say(entry, { event: "done" });
    } catch (error) {
      if (abort.signal.aborted) {
        log.debug(about, "task stopped");
        return;
      }
      log.warn({ ...about, err: error }, "task failed");
      const blame = error instanceof TaskFailure ? error.blame : "internal";
      const message = error instanceof Error ? error.message : String(error);
      this.#say(entry, { event: "failed", blame, message: message.slice(0, MESSAGE_MAX) });
    }
    this.#beginMore();
  }

  #execute(order: TaskOrder, signal: AbortSignal): Promise<void> {
    const { executors } = this.#options;
    return order.kind === "finish" ? executors.finish(order, signal) : executors.thumbnail(order, signal);
  }

  #say(entry: Entry, event: TaskEvent): void {
    entry.said = event;
    this.#repeat(entry);
  }

  #repeat({ ref, said }: Entry): void {
    if (said) this.#options.send({ type: "task_event", task: ref, body: said });
  }
}

const isOver = ({ said }: Entry) => said !== null && said.event !== "running";
