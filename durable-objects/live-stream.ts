/** Storage, alarm and messages around `LiveStreamState`, for one stream. Its name is the stream's id in decimal. */
import { DurableObject } from "cloudflare:workers";
import type { BeginPublish, BeginReply, LiveStreamRpc, PlaybackRoute } from "#contract/live";
import type { JobReport, RunningJob, StreamProgress } from "#contract/media";
import { type Ctx, systemContext } from "../workers/core/context.ts";
import type { Env } from "../workers/core/env.ts";
import { logFailure } from "../workers/core/log.ts";
import { projectLiveState } from "../workers/streams/live-projection.ts";
import { endSession } from "../workers/vods/end-session.ts";
import { resumeSession } from "../workers/vods/resume-session.ts";
import { Alarm } from "./alarm.ts";
import { LiveRecord, newLiveRecord, type RecordingNews } from "./live-record.ts";
import { playbackOf } from "./live-shown.ts";
import { LiveStreamState, type Revocation } from "./live-stream-state.ts";
import { chatRoom, mediaNode } from "./stubs.ts";

const PROJECTION_RETRY_MS = 2_000;
const RECORDING_RETRY_MS = 5_000;
/** A reporter that falls silent (an isolate that was evicted, a worker that went away) is forgotten. */
const VIEWER_REPORT_LIFETIME_MS = 20_000;

export class LiveStream extends DurableObject<Env> implements LiveStreamRpc {
  readonly #sql: SqlStorage;
  readonly #alarm: Alarm;
  #telling = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#alarm = new Alarm(ctx.storage);
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS record (
        id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL, projected_version INTEGER NOT NULL DEFAULT 0);
      CREATE TABLE IF NOT EXISTS viewer_reports (
        reporter TEXT PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS outbox (
        id TEXT PRIMARY KEY, type TEXT NOT NULL, payload TEXT NOT NULL, created_at INTEGER NOT NULL, sent_at INTEGER);
      CREATE TABLE IF NOT EXISTS chat_told (
        id INTEGER PRIMARY KEY CHECK (id = 1), is_live INTEGER, version INTEGER NOT NULL);
      INSERT OR IGNORE INTO chat_told (id, is_live, version) VALUES (1, 0, 0);
    `);
  }

  async begin(request: BeginPublish): Promise<BeginReply> {
    return this.#change((state, now) => state.begin(request, now));
  }

  async report(report: JobReport): Promise<void> {
    await this.#change((state, now) => state.report(report, now));
  }

  async progress(progress: StreamProgress, lease: string): Promise<void> {
    await this.#change((state, now) => state.progress(progress, lease, now));
  }

  async resume(job: RunningJob, worker: { id: string; play_url: string }): Promise<boolean> {
    return this.#change((state, now) => state.resume(job, worker, now));
  }

  async lost(lease: string): Promise<void> {
    await this.#change((state, now) => state.lost(lease, now));
  }

  async stop(reason: "deleted" | "key_regenerated"): Promise<void> {
    const { order, revocation } = await this.#change((state, now) => state.stop(reason, now));
    await this.#tell(revocation);
    if (!order) return;
    const { worker_id, ...job } = order;
    try {
      await mediaNode(this.env, worker_id).stop({ ...job, reason: "stopped" });
    } catch (error) {
      // Its next hello is told the same: this stream no longer knows the lease.
      logFailure("stop order failed", error, { worker_id, job_id: job.job_id });
    }
  }

  async revoke(): Promise<void> {
    await this.#tell(await this.#change((state) => state.revoke()));
  }

  async recorded(session: string): Promise<void> {
    await this.#change((state, now) => state.recordingSettled(session, now));
  }

  async playback(): Promise<PlaybackRoute> {
    return playbackOf(this.#load());
  }

  async viewers(reporter: string, count: number): Promise<void> {
    const report = "INSERT OR REPLACE INTO viewer_reports (reporter, count, at) VALUES (?, ?, ?)";
    this.#sql.exec(report, reporter, count, Date.now());
    await this.#change((state, now) => state.viewers(this.#viewers(now), now));
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#change((state, now) => {
      state.tick(now);
      state.viewers(this.#viewers(now), now);
    });
  }

  /** The sum of each reporter's latest count. */
  #viewers(now: number): number {
    this.#sql.exec("DELETE FROM viewer_reports WHERE at <= ?", now - VIEWER_REPORT_LIFETIME_MS);
    return this.#sql.exec<{ total: number }>("SELECT coalesce(sum(count), 0) AS total FROM viewer_reports").one().total;
  }

  /** One transaction for the change and its events; then the alarm, and D1 in the background. */
  async #change<T>(action: (state: LiveStreamState, now: number) => T): Promise<T> {
    const now = Date.now();
    const { result, state } = this.ctx.storage.transactionSync(() => {
      const state = new LiveStreamState(this.#load());
      const result = action(state, now);
      this.#sql.exec(
        "INSERT INTO record (id, value) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
        JSON.stringify(state.record),
      );
      for (const { id, event } of state.events) {
        const { type, ...payload } = event;
        this.#sql.exec(
          "INSERT OR IGNORE INTO outbox (id, type, payload, created_at) VALUES (?, ?, ?, ?)",
          id,
          type,
          JSON.stringify(payload),
          now,
        );
      }
      return { result, state };
    });
    const behind = state.record.version > this.#projectedVersion();
    const untold = state.record.recording_news.length > 0;
    await this.#alarm.set(
      state.nextTick(),
      this.#nextViewerExpiry(),
      behind ? now + PROJECTION_RETRY_MS : null,
      untold ? now + RECORDING_RETRY_MS : null,
    );
    if (behind) this.ctx.waitUntil(this.#project(state.record));
    if (untold) this.ctx.waitUntil(this.#tellRecordings());
    return result;
  }

  #load(): LiveRecord {
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM record").toArray();
    return row ? LiveRecord.parse(JSON.parse(row.value)) : newLiveRecord(Number(this.ctx.id.name));
  }

  #projectedVersion(): number {
    return this.#sql.exec<{ version: number }>("SELECT projected_version AS version FROM record").one().version;
  }

  #nextViewerExpiry(): number | null {
    const { oldest } = this.#sql.exec<{ oldest: number | null }>("SELECT min(at) AS oldest FROM viewer_reports").one();
    return oldest === null ? null : oldest + VIEWER_REPORT_LIFETIME_MS;
  }

  /** Only direct playback needs it: the edge looks at the generation itself. */
  async #tell(revocation: Revocation | null): Promise<void> {
    if (!revocation) return;
    const { worker_id, stream_id, generation } = revocation;
    try {
      await mediaNode(this.env, worker_id).revoke(stream_id, generation);
    } catch (error) {
      logFailure("revocation not passed on", error, { worker_id, stream_id });
    }
  }

  /** Ends and comebacks of recorded sessions, one after the other; what fails is told again by the alarm. */
  async #tellRecordings(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    const failed = new Set<string>();
    // Read anew each time: more may have come. One that fails keeps no other session's from being told.
    const next = () => this.#load().recording_news.find(({ session }) => !failed.has(session));
    try {
      for (let news = next(); news; news = next()) {
        const told = news;
        try {
          await this.#tellRecording(told);
          await this.#change((state) => state.recordingTold(told));
        } catch (error) {
          failed.add(told.session);
          logFailure("the end of a recorded session was not taken in; the alarm tries again", error, {
            stream: this.ctx.id.name,
            session: told.session,
          });
        }
      }
    } finally {
      this.#telling = false;
    }
  }

  async #tellRecording({ session, over, ends }: RecordingNews): Promise<void> {
    const { stream_id } = this.#load();
    const ctx = this.#context();
    if (over) await endSession(ctx, { stream_id, session, end: String(ends) });
    else await resumeSession(ctx, { stream_id, session });
  }

  #context(): Ctx {
    return systemContext(this.env, "live_stream", (promise) => this.ctx.waitUntil(promise));
  }

  async #project({ stream_id, version, projection }: LiveRecord): Promise<void> {
    try {
      const channel = await projectLiveState(this.#context(), stream_id, version, projection);
      if (channel !== null) await this.#tellChat(channel, stream_id, projection.is_live, version);
      this.#sql.exec("UPDATE record SET projected_version = max(projected_version, ?)", version);
    } catch (error) {
      logFailure("projection of the live state failed; the alarm tries again", error, { stream_id, version });
    }
  }

  /** The chat beside the stream hears of the state when it changes, not of each viewer. */
  async #tellChat(channel: number, stream_id: number, is_live: 0 | 1 | 2, version: number): Promise<void> {
    const told = this.#sql.exec<{ is_live: number | null }>("SELECT is_live FROM chat_told").one();
    if (told.is_live === is_live) return;
    // Unknown until the room has answered: a change that comes meanwhile is told too.
    this.#sql.exec("UPDATE chat_told SET is_live = NULL");
    await chatRoom(this.env, channel).streamStatus(stream_id, is_live, version);
    this.#sql.exec("UPDATE chat_told SET is_live = ?1, version = ?2 WHERE version <= ?2", is_live, version);
  }
}
