/**
 * The live state of one stream, as a pure class: the `LiveStream` object around it stores the record, keeps the alarm
 * and sends what is due. Nothing here reads a clock.
 *
 *     offline ──begin──▶ starting ──ready──▶ live ◀─ready── grace ──7 s──▶ encoding ──recorded──▶ offline
 *                            └─ended/lost─▶ offline  └─ended/lost─▶ grace
 *
 * The session (and `started_at`) lives from `starting` to its end; each publisher in it has an epoch of its own. In
 * grace a publisher may be back but not ready yet: then the end of the grace leads to `starting`, still announced.
 * `encoding` is passed by when nothing is recorded; whoever publishes then begins a session of its own.
 */
import type { DomainEvent } from "#contract/events";
import {
  type BeginPublish,
  type BeginReply,
  ENCODING_MAX_MS,
  GRACE_MS,
  LINGER_MS,
  LIVE_MOVES,
  type LiveState,
} from "#contract/live";
import type { JobReport, RecordingRefusal, RunningJob, StreamProgress } from "#contract/media";
import { newEpoch, newSession } from "#kit/publish-ids";
import { continueAfter } from "#kit/sequence";
import type { LiveRecord, RecordingNews, Worker } from "./live-record.ts";
import { isOnAir, settle, viewersDueAt } from "./live-shown.ts";

const TAKEOVERS_PER_MINUTE = 10;
const MINUTE_MS = 60_000;
const WARNINGS_MAX = 8;

/** An event and its deterministic id. */
export type LiveEvent = { id: string; event: DomainEvent };
/** A publish session that its worker must be told to end. */
export type StopOrder = { worker_id: string; job_id: string; lease: string };
/** The worker that holds the stream's window must refuse path tokens of older generations. */
export type Revocation = { worker_id: string; stream_id: number; generation: number };

export class LiveStreamState {
  readonly record: LiveRecord;
  /** Written since construction; the caller stores them together with the record. */
  readonly events: LiveEvent[] = [];

  constructor(record: LiveRecord) {
    this.record = record;
  }

  begin(request: BeginPublish, now: number): BeginReply {
    const record = this.record;
    const current = record.publisher;
    if (current) {
      if (request.second_publisher === "refuse") {
        return { ok: false, reason: "busy", message: "Somebody is publishing to this stream already" };
      }
      record.takeovers = record.takeovers.filter((at) => at > now - MINUTE_MS);
      if (record.takeovers.length >= TAKEOVERS_PER_MINUTE) {
        return { ok: false, reason: "too_many_takeovers", message: "Too many publishers take over from each other" };
      }
      record.takeovers.push(now);
    }
    record.stream_name = request.stream_name;
    record.owner_username = request.owner_username;
    if (record.state === "encoding") this.#goOffline();
    if (record.state === "offline") this.#startSession(newSession(now));
    record.recorded ||= request.record;
    const { position, session } = record;
    if (session === null) throw new Error(`no session in state ${record.state}`);
    const numbers = position
      ? continueAfter(position.progress, position.exact ? null : now - position.at)
      : { first_msn: 0, discontinuity_sequence: 0 };
    const epoch = newEpoch(now);
    record.epoch = epoch;
    record.publisher = { job_id: request.job_id, lease: request.lease, worker: request.worker, ready: false };
    record.lost_lease = null;
    const lastTarget = record.last_target_duration;
    record.position = {
      progress: {
        stream_id: record.stream_id,
        session,
        epoch,
        next_msn: numbers.first_msn,
        discontinuity_sequence: numbers.discontinuity_sequence,
        target_duration_s: lastTarget ?? 2,
        bytes_in: 0,
      },
      at: now,
      exact: false,
    };
    if (record.state === "offline") this.#move("starting");
    settle(this.record, now);
    const elsewhere = current && current.worker.id !== request.worker.id;
    return {
      ok: true,
      replaced: elsewhere ? { worker_id: current.worker.id, job_id: current.job_id, lease: current.lease } : null,
      generation: record.generation,
      live: { session, epoch, ...numbers, last_target_duration_s: lastTarget },
    };
  }

  /** A report of the publish session that holds the lease; anything else is ignored. */
  report({ lease, progress, body }: JobReport, now: number): void {
    const record = this.record;
    if (record.publisher?.lease !== lease) {
      // The end of a session whose worker had been given up: it will not come back, but says how far it got.
      if (body.event === "ended" && record.lost_lease === lease) {
        record.lost_lease = null;
        this.#reached(progress, now, true);
        settle(this.record, now);
      }
      return;
    }
    this.#reached(progress, now, body.event === "ended");
    switch (body.event) {
      case "ready":
        this.#ready(now);
        record.last_target_duration = body.target_duration_s;
        break;
      case "tracks":
        break;
      case "warning":
        this.#warn([body.message]);
        break;
      case "recording_refused":
        this.#warn([body.message]);
        this.#emitRefused(body.cause);
        break;
      case "recording_resumed":
        record.warnings = record.warnings.filter((message) => message !== body.message);
        break;
      case "ended":
        record.publisher = null;
        this.#left(now, body.reason === "stopped");
        break;
      default:
        body satisfies never;
    }
    settle(this.record, now);
  }

  progress(progress: StreamProgress, lease: string, now: number): void {
    if (this.record.publisher?.lease !== lease) return;
    this.#reached(progress, now, false);
    settle(this.record, now);
  }

  /** A worker (re)connected and says that it runs this job: true when it may go on. */
  resume(job: RunningJob, worker: Worker, now: number): boolean {
    const record = this.record;
    const current = record.publisher;
    const known = (current?.lease ?? record.lost_lease) === job.lease;
    // A session let in while the control plane was away is newer than all we know, unless another worker's is running.
    const newer = job.offline === true && (current === null || current.worker.id === worker.id);
    if (!known && !newer) return false;
    const isOther = record.session !== job.progress.session;
    if (isOther && this.#goesOn()) {
      record.publisher = null;
      this.#end(now);
    }
    if (record.state === "encoding") this.#goOffline();
    if (isOther) this.#startSession(job.progress.session);
    else if (record.state === "offline" && record.recorded) this.#tellRecording(false);
    if (job.record) record.recorded = true;
    record.publisher = { job_id: job.job_id, lease: job.lease, worker, ready: false };
    record.lost_lease = null;
    record.epoch = job.progress.epoch;
    this.#reached(job.progress, now, false);
    this.#warn(job.warnings);
    if (job.ready) this.#ready(now);
    else if (record.state === "offline") this.#move("starting");
    settle(this.record, now);
    return true;
  }

  /** The worker that held this lease is gone. */
  lost(lease: string, now: number): void {
    const record = this.record;
    if (record.publisher?.lease !== lease) return;
    record.publisher = null;
    record.lost_lease = lease;
    this.#left(now, false);
    settle(this.record, now);
  }

  /** Ends the session for good; returns whom to tell. Path tokens minted so far are refused from now on. */
  stop(reason: "deleted" | "key_regenerated", now: number): { order: StopOrder | null; revocation: Revocation | null } {
    const record = this.record;
    const current = record.publisher;
    const revocation = this.revoke();
    record.publisher = null;
    record.lost_lease = null;
    if (this.#goesOn()) this.#end(now);
    if (reason === "deleted") {
      if (record.state === "encoding") this.#goOffline();
      record.worker = null;
      record.linger_until = null;
    }
    settle(this.record, now);
    const order = current && { worker_id: current.worker.id, job_id: current.job_id, lease: current.lease };
    return { order, revocation };
  }

  /** Path tokens minted so far are refused from now on. Returns whom to tell, and what. */
  revoke(): Revocation | null {
    this.record.generation += 1;
    return this.#revocation();
  }

  viewers(count: number, now: number): void {
    this.record.viewers = count;
    if (isOnAir(this.record)) this.record.peak_viewers = Math.max(this.record.peak_viewers, count);
    settle(this.record, now);
  }

  /** The recording of this session is settled. */
  recordingSettled(session: string, now: number): void {
    if (this.record.state !== "encoding" || this.record.session !== session) return;
    this.#goOffline();
    settle(this.record, now);
  }

  /** This was told; what came after it is still to be told. */
  recordingTold(news: RecordingNews): void {
    const isOther = (each: RecordingNews) => JSON.stringify(each) !== JSON.stringify(news);
    this.record.recording_news = this.record.recording_news.filter(isOther);
  }

  /** What the clock brings. */
  tick(now: number): void {
    const record = this.record;
    if (record.encoding_until !== null && now >= record.encoding_until) this.#goOffline();
    if (record.state === "grace" && record.grace_until !== null && now >= record.grace_until) {
      if (record.publisher) {
        record.grace_until = null;
        this.#move("starting");
      } else this.#end(now);
    }
    if (record.linger_until !== null && now >= record.linger_until) {
      record.linger_until = null;
      record.worker = null;
    }
    settle(this.record, now);
  }

  /** When `tick` is due, or null. */
  nextTick(): number | null {
    const { grace_until, encoding_until, linger_until } = this.record;
    const due = [grace_until, encoding_until, linger_until, viewersDueAt(this.record)].filter((at) => at !== null);
    return due.length > 0 ? Math.min(...due) : null;
  }

  #revocation(): Revocation | null {
    const { worker, stream_id, generation } = this.record;
    return worker && { worker_id: worker.id, stream_id, generation };
  }

  #move(to: LiveState): void {
    const from = this.record.state;
    const legal: readonly LiveState[] = LIVE_MOVES[from];
    if (!legal.includes(to)) throw new Error(`illegal move of the live state: ${from} to ${to}`);
    this.record.state = to;
  }

  #startSession(session: string): void {
    const none = { announced: 0, ends: 0, recorded: false, warnings: [], peak_viewers: 0 };
    Object.assign(this.record, { session, ...none });
  }

  #ready(now: number): void {
    const record = this.record;
    const { publisher, session } = record;
    if (!publisher || session === null || publisher.ready) return;
    publisher.ready = true;
    record.worker = publisher.worker;
    record.grace_until = null;
    record.linger_until = null;
    const cameBack = record.state === "offline";
    if (record.state !== "live") this.#move("live");
    if (record.announced > 0 && !cameBack) return;
    if (record.announced === 0) record.started_at = now;
    record.ended_at = null;
    record.announced += 1;
    this.#emit("stream.live", session);
  }

  /** The publisher is gone. */
  #left(now: number, forGood: boolean): void {
    const { state } = this.record;
    if (state === "starting" || forGood) {
      this.#end(now);
    } else if (state === "live") {
      this.#move("grace");
      this.record.grace_until = now + GRACE_MS;
    }
  }

  /** There is a session, and it is not over. */
  #goesOn(): boolean {
    return this.record.state !== "offline" && this.record.state !== "encoding";
  }

  /** The session is over. */
  #end(now: number): void {
    const record = this.record;
    record.grace_until = null;
    record.ends += 1;
    if (record.recorded) this.#tellRecording(true);
    if (record.announced > 0) {
      record.linger_until = now + LINGER_MS;
      record.ended_at = now;
      record.total_views += record.peak_viewers;
      record.peak_viewers = 0;
    }
    if (record.recorded && record.announced > 0) {
      this.#move("encoding");
      record.encoding_until = now + ENCODING_MAX_MS;
    } else this.#goOffline();
  }

  #goOffline(): void {
    const { announced, session } = this.record;
    this.#move("offline");
    this.record.encoding_until = null;
    if (announced > 0 && session !== null) this.#emit("stream.offline", session);
  }

  #tellRecording(over: boolean): void {
    const { session, ends, recording_news } = this.record;
    if (session === null) return;
    const others = recording_news.filter((news) => news.session !== session);
    this.record.recording_news = [...others, { session, over, ends }];
  }

  #emit(type: "stream.live" | "stream.offline", session: string): void {
    const { stream_id, stream_name, owner_username, announced } = this.record;
    const repeat = announced > 1 ? `:${announced}` : "";
    this.events.push({
      id: `stream:${stream_id}:${session}:${type.slice("stream.".length)}${repeat}`,
      event: { type, stream_id, stream_name, owner_username, session },
    });
  }

  #emitRefused(cause: RecordingRefusal): void {
    const { stream_id, stream_name, owner_username, session } = this.record;
    if (session === null) return;
    this.events.push({
      id: `stream:${stream_id}:${session}:recording_refused:${cause}`,
      event: { type: "recording.refused", stream_id, stream_name, owner_username, session, cause },
    });
  }

  #reached(progress: StreamProgress, now: number, exact: boolean): void {
    const before = this.record.position?.progress;
    this.record.position = {
      progress: {
        ...progress,
        next_msn: Math.max(progress.next_msn, before?.next_msn ?? 0),
        discontinuity_sequence: Math.max(progress.discontinuity_sequence, before?.discontinuity_sequence ?? 0),
      },
      at: now,
      exact,
    };
    // What was never ready has no target duration of its own yet.
    if (this.record.publisher?.ready) this.record.last_target_duration = progress.target_duration_s;
  }

  #warn(messages: string[]): void {
    this.record.warnings = [...new Set([...this.record.warnings, ...messages])].slice(-WARNINGS_MAX);
  }
}
