/**
 * The publish sessions of this worker as the supervisor knows them: their fences and sequence numbers, how far they
 * came, and whom it may let in again by itself while the control plane is away. In memory only.
 */
import { createHash } from "node:crypto";
import { GRACE_MS } from "#contract/live";
import type { AuthoriseReply, JobReport, PublishGrant, RunningJob, StreamEvent, StreamProgress } from "#contract/media";
import { newEpoch, newJobId, newLease, newSession } from "#kit/publish-ids";
import { continueAfter } from "#kit/sequence";
import type { JournalEntry } from "./journal.ts";

const KNOWN_MAX = 10_000;
const KNOWN_FOR_MS = 24 * 3600 * 1000;
/** More than a session can report between two entries of the journal. */
const REPORTS_PER_PROGRESS = 1_000;
/** A publisher that was let in runs at once. One that does not by then never will. */
const START_MS = 10_000;

/** `ended_at`: null while it runs. */
type Session = { session: string; progress: StreamProgress; at: number; ended_at: number | null };
type Job = { grant: PublishGrant; key_hash: string; offline: boolean; seq: number; at: number };
type Known = { grant: PublishGrant; at: number };
type Fence = Pick<PublishGrant, "job_id" | "attempt" | "lease">;

/** As the control plane hashes it. */
export const hashStreamKey = (key: string): string => createHash("sha256").update(key).digest("base64url");

export class Publishers {
  readonly #jobs = new Map<string, Job>();
  readonly #known = new Map<string, Known>();
  readonly #sessions = new Map<number, Session>();

  /** The control plane let a publisher in. */
  granted(key_hash: string, grant: PublishGrant, now: number): void {
    // Deleted first, so that the map is ordered by time.
    this.#known.delete(key_hash);
    this.#known.set(key_hash, { grant, at: now });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN_MAX) break;
      this.#known.delete(oldest);
    }
    this.#start(key_hash, grant, false, now);
  }

  /** The control plane says that this key is no good. */
  forget(key_hash: string): void {
    this.#known.delete(key_hash);
  }

  /** The control plane ended this job for good: its stream is gone, or its key is another one now. */
  revoked(job_id: string): void {
    const key_hash = this.#jobs.get(job_id)?.key_hash;
    if (key_hash !== undefined) this.#known.delete(key_hash);
  }

  /** While the control plane is away: whom it let in within the last day gets in again. */
  admitOffline(key_hash: string, now: number): AuthoriseReply {
    const known = this.#known.get(key_hash);
    if (!known || now - known.at > KNOWN_FOR_MS) {
      return { ok: false, reason: "unavailable", message: "The control plane is away" };
    }
    const { stream_id, policy } = known.grant;
    const last = this.#sessions.get(stream_id);
    const runs = last?.ended_at === null;
    if (runs && policy.second_publisher === "refuse") {
      return { ok: false, reason: "busy", message: "Somebody is publishing to this stream already" };
    }
    const goesOn = last && now - (last.ended_at ?? now) < GRACE_MS;
    const numbers = last
      ? continueAfter(last.progress, runs ? now - last.at : null)
      : { first_msn: known.grant.first_msn, discontinuity_sequence: known.grant.discontinuity_sequence };
    const grant: PublishGrant = {
      job_id: newJobId(),
      attempt: 1,
      lease: newLease(),
      stream_id,
      session: goesOn ? last.session : newSession(now),
      epoch: newEpoch(now),
      ...numbers,
      last_target_duration_s: last?.progress.target_duration_s ?? known.grant.last_target_duration_s,
      policy,
    };
    this.#start(key_hash, grant, true, now);
    return { ok: true, grant };
  }

  /** What of a job the next process must know if this one is killed, or null when it is not ours. */
  journalEntry(job_id: string, progress: StreamProgress): JournalEntry | null {
    const job = this.#jobs.get(job_id);
    if (!job) return null;
    const { attempt, lease } = job.grant;
    return { job_id, attempt, lease, seq: job.seq, progress };
  }

  /** Gives an event its fence and its sequence number. */
  report({ job_id, attempt, lease }: Fence, progress: StreamProgress, body: StreamEvent, now: number): JobReport {
    const job = this.#jobs.get(job_id);
    const seq = job ? job.seq++ : 0;
    this.progress([progress], now);
    if (body.event === "ended") {
      this.#jobs.delete(job_id);
      const session = this.#sessions.get(progress.stream_id);
      const another = [...this.#jobs.values()].some(({ grant }) => grant.stream_id === progress.stream_id);
      if (session && !another) session.ended_at = now;
    }
    return { job_id, attempt, lease, seq, progress, body };
  }

  progress(progress: readonly StreamProgress[], now: number): void {
    for (const each of progress) {
      const session = this.#sessions.get(each.stream_id);
      if (session?.session !== each.session) continue;
      session.progress = notBefore(session.progress, each);
      session.at = now;
    }
  }

  /** What `hello` says of the jobs that the live process runs. */
  describe(running: readonly RunningJob[]): RunningJob[] {
    return running.map((job) => {
      const known = this.#jobs.get(job.job_id);
      if (!known?.offline) return job;
      return { ...job, offline: true, key_hash: known.key_hash, record: known.grant.policy.record };
    });
  }

  /**
   * The control plane's word on the jobs that `hello` carried. Returns what may go on: those it wants, and those let in
   * since, of which it has not heard; `unheard` says that there are such.
   */
  reconcile(desired: readonly Fence[], carried: ReadonlySet<string>): { keep: Fence[]; unheard: boolean } {
    for (const { job_id } of desired) {
      const job = this.#jobs.get(job_id);
      if (job) job.offline = false;
    }
    const since = [...this.#jobs.values()].filter(({ grant }) => !carried.has(grant.job_id)).map(({ grant }) => grant);
    return { keep: [...desired, ...since], unheard: since.some(({ job_id }) => this.#jobs.get(job_id)?.offline) };
  }

  /** The live process died: every session is over. */
  lostAll(now: number): JobReport[] {
    return [...this.#jobs.values()].map((job) => this.#lose(job, now));
  }

  /** Those that the live process should run and does not, e.g. because it died while they were being let in. */
  lostBut(running: readonly RunningJob[], now: number): JobReport[] {
    const runs = new Set(running.map(({ job_id }) => job_id));
    const ghosts = [...this.#jobs.values()].filter(({ grant, at }) => !runs.has(grant.job_id) && now - at > START_MS);
    return ghosts.map((job) => this.#lose(job, now));
  }

  #lose({ grant }: Job, now: number): JobReport {
    const progress = this.#sessions.get(grant.stream_id)?.progress ?? startOf(grant);
    return this.report(grant, progress, lost(now), now);
  }

  #start(key_hash: string, grant: PublishGrant, offline: boolean, now: number): void {
    this.#jobs.set(grant.job_id, { grant, key_hash, offline, seq: 0, at: now });
    const { stream_id, session } = grant;
    const before = this.#sessions.get(stream_id);
    const start = startOf(grant);
    const progress = before ? notBefore(before.progress, start) : start;
    this.#sessions.set(stream_id, { session, progress, at: now, ended_at: null });
    if (this.#sessions.size <= KNOWN_MAX) return;
    for (const [id, { ended_at }] of this.#sessions) {
      if (ended_at === null) continue;
      this.#sessions.delete(id);
      return;
    }
  }
}

function startOf(grant: PublishGrant): StreamProgress {
  const { stream_id, session, epoch, first_msn, discontinuity_sequence, last_target_duration_s } = grant;
  return {
    stream_id,
    session,
    epoch,
    next_msn: first_msn,
    discontinuity_sequence,
    target_duration_s: last_target_duration_s ?? 2,
    bytes_in: 0,
  };
}

/** The end of a session whose process died. */
const lost = (now: number): StreamEvent => ({
  event: "ended",
  reason: "worker_stopped",
  blame: "internal",
  ended_at: now,
});

/** What to report of a session that a killed media worker left, further on in the numbers of its reports. */
export const leftBehind = (entry: JournalEntry, now: number): JobReport => ({
  ...entry,
  seq: entry.seq + REPORTS_PER_PROGRESS,
  body: lost(now),
});

/** The newer progress, whose numbers never fall below those that were seen before. */
function notBefore(seen: StreamProgress, newer: StreamProgress): StreamProgress {
  return {
    ...newer,
    next_msn: Math.max(newer.next_msn, seen.next_msn),
    discontinuity_sequence: Math.max(newer.discontinuity_sequence, seen.discontinuity_sequence),
  };
}
