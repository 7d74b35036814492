/**
 * The link of one media worker, on a hibernating WebSocket that the Worker's route has authenticated. Its name is the
 * media worker's id. What is known of the link is in storage: the object may be evicted between any two frames.
 */
import { type Connection, Server, type WSMessage } from "partyserver";
import type { MediaNodeRpc } from "#contract/live";
import { type JobReport, LINK_CLOSE, LINK_VERSION, type UpFrame } from "#contract/media";
import { linkKeys, linkPeriod } from "#kit/link-keys";
import { PATH_TOKEN_LIFETIME_S } from "#kit/path-token";
import { type Ctx, systemContext } from "../workers/core/context.ts";
import type { Env } from "../workers/core/env.ts";
import { log, logFailure } from "../workers/core/log.ts";
import { recordWorkerHello } from "../workers/media/worker-seen.ts";
import { Alarm } from "./alarm.ts";
import { Leases } from "./leases.ts";
import { parseFrame, send } from "./link-frames.ts";
import { LinkRecord } from "./link-record.ts";
import { NodeJobs } from "./node-jobs.ts";
import { NodeTasks, type TaskWorker } from "./node-tasks.ts";
import { liveStream } from "./stubs.ts";
import { TaskLeases } from "./task-leases.ts";

const HEARTBEAT_SECONDS = 5;
const LEASE_SECONDS = 15;
/** After the socket closed: a reconnect is usually there by then. */
const CLOSED_GRACE_MS = 3_000;

type Hello = Extract<UpFrame, { type: "hello" }>;
type Heartbeat = Extract<UpFrame, { type: "heartbeat" }>;

export class MediaNode extends Server<Env> implements MediaNodeRpc {
  static override options = { hibernate: true };

  readonly #sql: SqlStorage;
  readonly #alarm: Alarm;
  readonly #link: LinkRecord;
  readonly #leases: Leases;
  readonly #jobs: NodeJobs;
  readonly #taskLeases: TaskLeases;
  readonly #tasks: NodeTasks;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS revocations (
        stream_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, at INTEGER NOT NULL);
    `);
    this.#alarm = new Alarm(ctx.storage);
    this.#link = new LinkRecord(this.#sql);
    this.#leases = new Leases(this.#sql);
    this.#jobs = new NodeJobs(
      this.#leases,
      () => this.#context(),
      (stream_id, generation) => this.revoke(stream_id, generation),
    );
    this.#taskLeases = new TaskLeases(this.#sql);
    this.#tasks = new NodeTasks({
      leases: this.#taskLeases,
      context: () => this.#context(),
      worker: () => this.#taskWorker(),
      send: (frame) => {
        const connection = this.#connection();
        if (connection) send(connection, frame);
      },
      schedule: () => this.#schedule(),
    });
  }

  override async onConnect(connection: Connection): Promise<void> {
    this.#link.set({ connection: connection.id, greeted: false, heard_at: Date.now(), closed_at: null });
    for (const other of this.getConnections()) {
      if (other.id !== connection.id) other.close(LINK_CLOSE.replaced, "a newer link took over");
    }
  }

  override async onMessage(connection: Connection, message: WSMessage): Promise<void> {
    if (!this.#isCurrent(connection)) return;
    const frame = parseFrame(message);
    if (!frame.ok) {
      await this.#hangUp(connection, frame.code, frame.reason);
      return;
    }
    try {
      await this.#handle(connection, frame.frame);
    } catch (error) {
      // The worker reconnects and says again what is so; nothing is half done that cannot be repeated.
      logFailure("link frame failed", error, { worker_id: this.name, frame: frame.frame.type });
      await this.#hangUp(connection, 1011, "internal error");
    }
  }

  override async onClose(connection: Connection): Promise<void> {
    if (this.#isCurrent(connection)) await this.#unlink();
  }

  override async onError(connection: Connection, error: unknown): Promise<void> {
    logFailure("link socket failed", error, { worker_id: this.name });
    await this.#hangUp(connection, 1011, "socket error");
  }

  override onRequest(): Response {
    return new Response("WebSocket only", { status: 426, headers: { upgrade: "websocket" } });
  }

  override async onAlarm(): Promise<void> {
    this.#alarm.rang();
    const now = Date.now();
    if (now >= this.#leasesExpireAt()) {
      const connection = this.#connection();
      if (connection) await this.#hangUp(connection, 1011, "no heartbeat");
      await this.#jobs.expire(now);
      await this.#tasks.expire();
    }
    await this.#jobs.forget(now);
    await this.#tasks.wake(now);
    await this.#schedule();
  }

  async stop(order: Parameters<MediaNodeRpc["stop"]>[0]): Promise<void> {
    if (!(await this.#jobs.stop(order.job_id, order.lease))) return;
    const connection = this.#connection();
    if (connection) send(connection, { type: "stop", ...order });
  }

  async reports(reports: JobReport[]): Promise<void> {
    for (const report of reports) await this.#jobs.report(report);
    await this.#schedule();
  }

  async revoke(stream_id: number, generation: number): Promise<void> {
    // Two may overtake each other on their way here; the newer one includes the older.
    this.#sql.exec(
      `INSERT INTO revocations (stream_id, generation, at) VALUES (?, ?, ?)
       ON CONFLICT (stream_id) DO UPDATE SET generation = max(generation, excluded.generation), at = excluded.at`,
      stream_id,
      generation,
      Date.now(),
    );
    const connection = this.#connection();
    if (connection) send(connection, { type: "revoke", stream_id, generation });
  }

  async online(): Promise<boolean> {
    return this.#connection() !== null && Date.now() < this.#leasesExpireAt();
  }

  async room(): ReturnType<MediaNodeRpc["room"]> {
    return this.#tasks.room();
  }

  async claim(job_id: string): Promise<boolean> {
    return (await this.#tasks.claim(job_id)) === "assigned";
  }

  async #handle(connection: Connection, frame: UpFrame): Promise<void> {
    if (frame.type === "hello") return this.#greet(connection, frame);
    if (!this.#link.get().greeted) {
      return this.#hangUp(connection, LINK_CLOSE.badFrame, "hello comes first, and welcome must answer it");
    }
    switch (frame.type) {
      case "heartbeat":
        return this.#heartbeat(connection, frame);
      case "authorise": {
        const worker = { id: this.name, play_url: this.#link.get().play_url };
        const reply = await this.#jobs.admit(frame.request, worker, () => this.#isCurrent(connection));
        if (this.#isCurrent(connection)) send(connection, { type: "authorised", rid: frame.rid, reply });
        return this.#schedule();
      }
      case "job_event": {
        const { job_id, lease } = frame.report;
        const known = await this.#jobs.report(frame.report);
        if (!known) send(connection, { type: "stop", job_id, lease, reason: "stopped" });
        return this.#schedule();
      }
      case "task_event":
        await this.#tasks.event(frame.task, frame.body);
        return this.#schedule();
      default:
        frame satisfies never;
    }
  }

  async #greet(connection: Connection, hello: Hello): Promise<void> {
    const now = Date.now();
    const ctx = this.#context();
    await recordWorkerHello(ctx, this.name, hello);
    const granted = await this.#jobs.reconcile(hello.running, { id: this.name, play_url: hello.play_url });
    const settled = await this.#tasks.reconcile(hello.tasks, this.name);
    const keys = await linkKeys(ctx.settings.secret, this.name, now);
    if (!this.#isCurrent(connection)) return;
    this.#link.set({
      greeted: true,
      boot: hello.boot,
      play_url: hello.play_url,
      roles: hello.roles,
      max_tasks: hello.capacity.max_tasks,
      heard_at: Date.now(),
      closed_at: null,
      key_period: linkPeriod(now),
    });
    send(connection, {
      type: "welcome",
      version: LINK_VERSION,
      worker_id: this.name,
      desired: granted.map((grant) => ({ job_id: grant.job_id, lease: grant.lease, grant })),
      heartbeat_seconds: HEARTBEAT_SECONDS,
      lease_seconds: LEASE_SECONDS,
      keys,
    });
    // The worker may be a new process, or may have been away when they were made.
    this.#sql.exec("DELETE FROM revocations WHERE at < ?", now - PATH_TOKEN_LIFETIME_S * 1000);
    const revocations = this.#sql.exec<{ stream_id: number; generation: number }>("SELECT * FROM revocations");
    for (const { stream_id, generation } of revocations) send(connection, { type: "revoke", stream_id, generation });
    for (const task of settled) send(connection, { type: "task_settled", task });
    log("info", "media worker linked", {
      worker_id: this.name,
      boot: hello.boot,
      running: hello.running.length,
      desired: granted.length,
      tasks: hello.tasks.length,
    });
    this.#tasks.refill();
    await this.#schedule();
  }

  async #heartbeat(connection: Connection, frame: Heartbeat): Promise<void> {
    const now = Date.now();
    const period = linkPeriod(now);
    const { max_tasks } = frame.capacity;
    const moreRoom = max_tasks > this.#link.get().max_tasks;
    if (period !== this.#link.get().key_period) {
      const keys = await linkKeys(this.#context().settings.secret, this.name, now);
      send(connection, { type: "keys", keys });
    }
    this.#link.set({ heard_at: now, key_period: period, max_tasks });
    // Otherwise room comes with the end of a task, which looks for the next one itself: a heartbeat asks nobody.
    if (moreRoom) this.#tasks.refill();
    const reporter = `worker:${this.name}`;
    const told = await Promise.allSettled([
      ...this.#jobs.progress(frame.progress),
      ...frame.viewers.map(({ stream_id, viewers }) => liveStream(this.env, stream_id).viewers(reporter, viewers)),
    ]);
    // The next heartbeat says it again.
    const failed = told.find((result) => result.status === "rejected");
    if (failed) logFailure("progress not passed on", failed.reason, { worker_id: this.name });
  }

  /** Nothing that still comes on this socket counts. */
  async #hangUp(connection: Connection, code: number, reason: string): Promise<void> {
    connection.close(code, reason);
    if (this.#isCurrent(connection)) await this.#unlink();
  }

  async #unlink(): Promise<void> {
    this.#link.set({ connection: null, greeted: false, closed_at: Date.now() });
    await this.#schedule();
  }

  #context(): Ctx {
    const ctx = systemContext(this.env, "media_node", (promise) => this.ctx.waitUntil(promise));
    return { ...ctx, actor: { kind: "media_worker", id: this.name } };
  }

  #connection(): Connection | null {
    const { connection } = this.#link.get();
    return (connection !== null && this.getConnection(connection)) || null;
  }

  #taskWorker(): TaskWorker | null {
    const { greeted, roles, max_tasks } = this.#link.get();
    const there = greeted && this.#connection() !== null && Date.now() < this.#leasesExpireAt();
    return there ? { id: this.name, roles, max_tasks } : null;
  }

  #isCurrent(connection: Connection): boolean {
    return this.#link.get().connection === connection.id;
  }

  #leasesExpireAt(): number {
    const { heard_at, closed_at } = this.#link.get();
    const silent = heard_at + LEASE_SECONDS * 1000;
    return closed_at === null ? silent : Math.min(silent, closed_at + CLOSED_GRACE_MS);
  }

  async #schedule(): Promise<void> {
    const held = this.#leases.all().some((lease) => lease.state !== "lost") || this.#taskLeases.held().length > 0;
    await this.#alarm.set(held ? this.#leasesExpireAt() : null, this.#jobs.nextForget(), this.#tasks.nextWake());
  }
}
