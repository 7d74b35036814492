/**
 * The supervisor: owns the identity, the link and the spool, hands in what was recorded, and keeps the live process
 * running. It decides nothing about media. Without the control plane it fails static: what runs goes on, and known
 * publishers may come back.
 */
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import {
  type AuthoriseReply,
  type AuthoriseRequest,
  type JobReport,
  LINK_VERSION,
  type LinkKeys,
  type StreamProgress,
} from "#contract/media";
import { Connection, type Hello, type Order, type Welcome } from "./link/connection.ts";
import { Enrolment } from "./link/enrolment.ts";
import { Journal } from "./link/journal.ts";
import { LiveChild, type Ports } from "./link/live-child.ts";
import { hashStreamKey, leftBehind, Publishers } from "./link/publishers.ts";
import { logReport } from "./link/report-log.ts";
import { ReportPoster } from "./link/report-poster.ts";
import { Spool } from "./link/spool.ts";
import type { Log } from "./log.ts";
import type { MediaSettings } from "./settings.ts";
import { finishExecutor } from "./tasks/finish.ts";
import { TaskRunner } from "./tasks/task-runner.ts";
import { thumbnailExecutor } from "./tasks/thumbnail.ts";
import { Uploads } from "./upload/uploads.ts";

const HEARTBEAT_MS = 5_000;
const AUTHORISE_MS = 4_000;
/** Reports of what ended while the link was away come before hello, so that it finds their jobs ended. */
const FLUSH_BEFORE_HELLO_MS = 2_000;
/** All of an orderly end: whoever started us kills after five seconds. */
const DRAIN_MS = 2_500;
/** Pictures that are made at once, beside live streams. */
const MAX_TASKS = 2;
const LAST_FLUSH_MS = 1_000;

export type SupervisorOptions = {
  settings: MediaSettings;
  /** Starts the live process with an IPC channel; `ports`: where its predecessor listened. */
  forkLive(ports: Ports | null): ChildProcess;
  /** The live process cannot run at all. */
  onFatal(message: string): void;
  log: Log;
};

export class Supervisor {
  readonly #settings: MediaSettings;
  readonly #log: Log;
  readonly #enrolment: Enrolment;
  readonly #publishers = new Publishers();
  readonly #spool: Spool;
  readonly #journal: Journal;
  readonly #poster: ReportPoster;
  readonly #connection: Connection;
  readonly #live: LiveChild;
  readonly #uploads: Uploads;
  readonly #tasks: TaskRunner;
  readonly #boot = crypto.randomUUID();
  #keys: LinkKeys | null = null;
  /** Revocations by stream, for a live process that starts later. */
  readonly #revoked = new Map<number, number>();
  /** The jobs in the last hello. */
  #carried = new Set<string>();
  #heartbeat: NodeJS.Timeout | undefined;
  #listening = false;
  #stopping = false;

  constructor({ settings, forkLive, onFatal, log }: SupervisorOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#enrolment = new Enrolment(settings, log);
    this.#spool = new Spool(path.join(settings.dataDir, "spool/reports"), log);
    this.#journal = new Journal(path.join(settings.dataDir, "spool/running"), log);
    const token = () => this.#enrolment.bearer();
    const { controlUrl } = settings;
    this.#poster = new ReportPoster({ spool: this.#spool, url: `${controlUrl}/internal/media/reports`, token, log });
    this.#uploads = new Uploads({ spool: path.join(settings.dataDir, "spool"), controlUrl, token, log });
    this.#tasks = new TaskRunner({
      executors: {
        finish: finishExecutor((...session) => this.#uploads.drained(...session)),
        thumbnail: thumbnailExecutor(),
      },
      max: MAX_TASKS,
      send: (frame) => this.#connection.send(frame),
      log,
    });
    this.#connection = new Connection({
      url: `${controlUrl.replace(/^http/, "ws")}/internal/media/link`,
      token: () => this.#enrolment.bearerOrEnrol(),
      hello: () => this.#hello(),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onOrder: (order) => this.#obey(order),
      onRefused: () => this.#enrolment.renew(),
      log,
    });
    this.#live = new LiveChild({
      fork: forkLive,
      authorise: (request) => this.#authorise(request),
      onEvent: ({ job, progress, body }) => this.#report(this.#publishers.report(job, progress, body, Date.now())),
      onProgress: (jobs) => this.#progress(jobs),
      onRecording: ({ part }) => this.#uploads.poke(part),
      onListening: (ports) => this.#listens(ports),
      onDied: (how) => this.#liveDied(how, onFatal),
      log,
    });
  }

  /** Rejects when the worker has no identity and no token to get one, or its disk fails. */
  async start(): Promise<void> {
    if (!this.#enrolment.isPossible) {
      throw new Error("SLUICE_ENROL_TOKEN: is required, because this media worker has no identity yet");
    }
    for (const entry of this.#journal.left()) {
      this.#spool.add(leftBehind(entry, Date.now()));
      this.#journal.remove(entry.job_id);
    }
    this.#live.start();
    await this.#uploads.start();
  }

  /** Closes publishers, hands in their last reports and recordings, and ends the live process; bounded. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeat);
    await this.#live.stop(DRAIN_MS);
    await Promise.all([this.#poster.flush(LAST_FLUSH_MS), this.#uploads.stop(LAST_FLUSH_MS)]);
    this.#tasks.stop();
    this.#poster.stop();
    this.#connection.stop();
  }

  #listens({ rtmp, http }: Ports): void {
    this.#log.info({ event: "ready", rtmp_port: rtmp, http_port: http }, "listening for publishers and players");
    if (this.#keys) this.#live.send({ type: "keys", keys: this.#keys });
    for (const [stream_id, generation] of this.#revoked) this.#live.send({ type: "revoke", stream_id, generation });
    if (this.#listening) return;
    this.#listening = true;
    this.#connection.start();
    this.#poster.kick();
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
  }

  #liveDied(how: string, onFatal: (message: string) => void): void {
    if (!this.#listening) {
      onFatal(`the live process could not start (${how})`);
      return;
    }
    const reports = this.#publishers.lostAll(Date.now());
    const level = this.#stopping && reports.length === 0 ? "info" : "error";
    this.#log[level]({ how, publishers: reports.length }, "the live process ended");
    for (const report of reports) this.#report(report);
  }

  async #authorise(request: AuthoriseRequest): Promise<AuthoriseReply> {
    const key_hash = hashStreamKey(request.key);
    const reply = await this.#connection.authorise(request, AUTHORISE_MS);
    const now = Date.now();
    if (reply?.ok) this.#publishers.granted(key_hash, reply.grant, now);
    if (reply && !reply.ok && reply.reason === "unknown_key") this.#publishers.forget(key_hash);
    if (reply) return reply;
    const admitted = this.#publishers.admitOffline(key_hash, now);
    if (admitted.ok) {
      this.#log.warn({ stream_id: admitted.grant.stream_id }, "control plane away: a known publisher is let in");
    }
    // A link that does not answer is as good as none, and the control plane must hear of whom we let in.
    if (this.#connection.isUp) this.#connection.reset("authorise was not answered");
    return admitted;
  }

  #report(report: JobReport): void {
    logReport(this.#log, report);
    const terminal = report.body.event === "ended";
    // Terminal reports go both ways: by the link at once, in order with what follows; by the spool surely.
    if (terminal) {
      this.#spool.add(report);
      this.#journal.remove(report.job_id);
    }
    this.#connection.send({ type: "job_event", report });
    if (terminal) this.#poster.kick();
  }

  #progress(jobs: { job_id: string; progress: StreamProgress }[]): void {
    for (const { job_id, progress } of jobs) {
      this.#publishers.progress([progress], Date.now());
      const entry = this.#publishers.journalEntry(job_id, progress);
      if (entry) this.#journal.write(entry);
    }
  }

  async #hello(): Promise<Hello> {
    await this.#poster.flush(FLUSH_BEFORE_HELLO_MS);
    const { running } = await this.#live.snapshot();
    this.#carried = new Set(running.map((job) => job.job_id));
    return {
      type: "hello",
      version: LINK_VERSION,
      boot: this.#boot,
      roles: ["ingest", "play", "record", "transcode"],
      capacity: this.#capacity(running.length),
      play_url: this.#settings.playUrl,
      rtmp_url: this.#settings.rtmpUrl,
      running: this.#publishers.describe(running),
      tasks: this.#tasks.refs(),
    };
  }

  #welcomed({ worker_id, desired, keys }: Welcome): void {
    this.#keys = keys;
    this.#live.send({ type: "keys", keys });
    const { keep, unheard } = this.#publishers.reconcile(
      desired.map(({ grant }) => grant),
      this.#carried,
    );
    this.#live.send({ type: "reconcile", desired: keep });
    this.#log.info({ event: "linked", worker_id, running: this.#carried.size, desired: desired.length }, "linked");
    this.#poster.kick();
    this.#uploads.hurry();
    this.#tasks.welcomed();
    if (unheard) this.#connection.reset("publishers were let in since hello");
  }

  #obey(order: Order): void {
    switch (order.type) {
      case "stop":
        if (order.reason === "stopped") this.#publishers.revoked(order.job_id);
        this.#live.send(order);
        break;
      case "keys":
        this.#keys = order.keys;
        this.#live.send(order);
        break;
      case "revoke":
        this.#revoked.set(order.stream_id, Math.max(order.generation, this.#revoked.get(order.stream_id) ?? 0));
        this.#live.send(order);
        break;
      case "drain":
        this.#tasks.drain();
        this.#live.send(order);
        break;
      case "assign":
        this.#tasks.assign(order.task, order.order);
        break;
      case "task_settled":
        this.#tasks.settled(order.task);
        break;
      default:
        order satisfies never;
    }
  }

  /** Also while the link is away: how far streams have come must be known when it is back. */
  async #beat(): Promise<void> {
    try {
      const { running, viewers } = await this.#live.snapshot();
      const progress = running.map((job) => job.progress);
      this.#publishers.progress(progress, Date.now());
      for (const report of this.#publishers.lostBut(running, Date.now())) this.#report(report);
      this.#connection.send({
        type: "heartbeat",
        capacity: this.#capacity(running.length),
        rss_bytes: process.memoryUsage.rss(),
        progress,
        viewers,
      });
    } catch (error) {
      // No heartbeat is what the control plane should see of a live process that does not answer.
      this.#log.error({ err: error }, "no heartbeat");
    }
  }

  #capacity(publishers: number) {
    return {
      publishers,
      max_publishers: this.#settings.live.maxPublishers,
      tasks: this.#tasks.busy,
      max_tasks: this.#tasks.max,
    };
  }
}
