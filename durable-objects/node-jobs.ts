/**
 * The jobs of one media worker, as its object sees them: lets publishers in, takes their reports, reconciles after a
 * reconnect, gives up what went silent. Every step calls the stream's `LiveStream` object first, because viewers wait
 * for that, and then moves the row in the `jobs` table; all of it may be repeated.
 */
import type {
  AuthoriseReply,
  AuthoriseRequest,
  JobReport,
  PublishGrant,
  RunningJob,
  StreamProgress,
} from "#contract/media";
import { newJobId, newLease } from "#kit/publish-ids";
import type { Ctx } from "../workers/core/context.ts";
import { logFailure } from "../workers/core/log.ts";
import { authorisePublisher } from "../workers/media/authorise-publisher.ts";
import { createIngestJob, endJob, moveJob, moveJobThrough, stopJob } from "../workers/media/jobs.ts";
import type { Leases } from "./leases.ts";
import { liveStream, mediaNode } from "./stubs.ts";

const MAX_BITRATE_BPS = 50_000_000;
/** A worker that was away longer than this does not get its sessions back. */
const LOST_LIFETIME_MS = 24 * 3600 * 1000;

export type Worker = { id: string; play_url: string };
/** Has the media worker refuse the stream's path tokens of older generations. */
type Revoke = (stream_id: number, generation: number) => Promise<void>;

export class NodeJobs {
  readonly #leases: Leases;
  readonly #context: () => Ctx;
  readonly #revoke: Revoke;
  /** Ends that are being told: an encoder that reconnects at once must not meet its own old session. */
  readonly #ending = new Set<Promise<void>>();

  constructor(leases: Leases, context: () => Ctx, revoke: Revoke) {
    this.#leases = leases;
    this.#context = context;
    this.#revoke = revoke;
  }

  /**
   * May this publisher start? `isCurrent` tells whether the asking socket is still the worker's: a grant that it would
   * never hear of is taken back. Rejects when the database is away.
   */
  async admit(request: AuthoriseRequest, worker: Worker, isCurrent: () => boolean): Promise<AuthoriseReply> {
    const ctx = this.#context();
    const gone: AuthoriseReply = { ok: false, reason: "unavailable", message: "The media worker reconnected" };
    const decision = await authorisePublisher(ctx, request);
    if (!decision.ok) return decision;
    await Promise.allSettled(this.#ending);
    if (!isCurrent()) return gone;

    const { stream_id, stream_name, owner_username, second_publisher, record, key_hash } = decision.stream;
    const live = liveStream(ctx.env, stream_id);
    const fence = { job_id: newJobId(), lease: newLease() };
    const begun = await live.begin({
      stream_id,
      stream_name,
      owner_username,
      worker,
      second_publisher,
      record,
      ...fence,
    });
    if (!begun.ok) return begun;
    const policy = { second_publisher, max_bitrate_bps: MAX_BITRATE_BPS, record };
    const grant: PublishGrant = { ...fence, attempt: 1, stream_id, ...begun.live, policy };
    this.#leases.add(grant);
    try {
      const { protocol, app, ip } = request;
      const born = { ...fence, attempt: 1, worker_id: worker.id, stream_id, session: grant.session, key_hash };
      if (!(await createIngestJob(ctx, { ...born, spec: { protocol, app, ip } }))) {
        await this.#drop(grant);
        return { ok: false, reason: "unknown_key", message: "The stream key is not valid any more" };
      }
    } catch (error) {
      await this.#drop(grant);
      throw error;
    }
    if (!isCurrent()) {
      await this.#giveUp(grant);
      return gone;
    }
    if (begun.generation > 0) await this.#revoke(stream_id, begun.generation);
    if (begun.replaced) ctx.waitUntil(this.#stopElsewhere(ctx, begun.replaced));
    return { ok: true, grant };
  }

  /** False: the report is of an attempt that is over, and its process must be stopped. */
  async report(report: JobReport): Promise<boolean> {
    const ctx = this.#context();
    const lease = this.#leases.get(report.job_id);
    const fenced = lease?.lease === report.lease && lease.attempt === report.attempt;
    if (report.body.event === "ended") {
      // Also when the lease is gone: the object and the row each know whether the token was theirs.
      await this.#during(liveStream(ctx.env, report.progress.stream_id).report(report));
      await endJob(ctx, report);
      if (fenced) this.#leases.delete(report.job_id);
      return true;
    }
    if (!fenced) return false;
    if (report.seq <= lease.seq) return true;
    await liveStream(ctx.env, lease.stream_id).report(report);
    this.#leases.setSeq(report.job_id, report.seq);
    return true;
  }

  /** One promise per stream. */
  progress(progress: readonly StreamProgress[]): Promise<void>[] {
    const { env } = this.#context();
    return progress.map(async (each) => {
      const lease = this.#leases.ofStream(each.stream_id);
      if (lease) await liveStream(env, each.stream_id).progress(each, lease.lease);
    });
  }

  /**
   * A worker (re)connected and carries these jobs. What it does not carry any more is over; what it carries may go on
   * when the stream says so. Returns the grants of those.
   */
  async reconcile(running: readonly RunningJob[], worker: Worker): Promise<PublishGrant[]> {
    const carried = new Set(running.map((job) => job.job_id));
    for (const lease of this.#leases.all()) if (!carried.has(lease.job_id)) await this.#giveUp(lease.grant);
    const desired: PublishGrant[] = [];
    for (const job of running) {
      const grant = await this.#readmit(job, worker);
      if (grant) desired.push(grant);
    }
    return desired;
  }

  /** The worker was silent for too long. Its jobs are lost; they stay here, because it may come back with them. */
  async expire(now: number): Promise<void> {
    const ctx = this.#context();
    for (const { grant, state } of this.#leases.all()) {
      if (state === "lost") continue;
      await liveStream(ctx.env, grant.stream_id).lost(grant.lease);
      await moveJob(ctx, grant, "lost");
      this.#leases.setState(grant.job_id, "lost", now);
    }
  }

  /** Gives up for good what was lost too long ago. */
  async forget(now: number): Promise<void> {
    for (const { grant, lost_at } of this.#leases.all()) {
      if (lost_at !== null && now - lost_at >= LOST_LIFETIME_MS) await this.#giveUp(grant);
    }
  }

  /** When `forget` is due, or null. */
  nextForget(): number | null {
    const times = this.#leases.all().flatMap(({ lost_at }) => (lost_at === null ? [] : [lost_at]));
    return times.length > 0 ? Math.min(...times) + LOST_LIFETIME_MS : null;
  }

  /** Orders a job to end. False when this worker does not hold it. */
  async stop(job_id: string, token: string): Promise<boolean> {
    const lease = this.#leases.get(job_id);
    if (lease?.lease !== token) return false;
    this.#leases.setState(job_id, "stopping");
    await stopJob(this.#context(), lease.grant);
    return true;
  }

  async #readmit(job: RunningJob, worker: Worker): Promise<PublishGrant | null> {
    const ctx = this.#context();
    const lease = this.#leases.get(job.job_id);
    if (lease ? lease.lease !== job.lease || lease.state === "stopping" : !(await this.#adopt(ctx, job, worker))) {
      return null;
    }
    const grant = this.#leases.get(job.job_id)?.grant;
    if (!grant) return null;
    if (!(await liveStream(ctx.env, grant.stream_id).resume(job, worker))) {
      await this.#giveUp(grant);
      return null;
    }
    if (lease?.state === "lost") {
      await moveJob(ctx, grant, "running");
      this.#leases.setState(job.job_id, "running");
    }
    return grant;
  }

  /** A session that the worker let in from its cache while the control plane was away gets its row and its lease. */
  async #adopt(ctx: Ctx, job: RunningJob, worker: Worker): Promise<boolean> {
    if (!job.offline || !job.key_hash) return false;
    const { job_id, lease, attempt, progress, key_hash, record = false } = job;
    const { stream_id, session, epoch, next_msn, discontinuity_sequence, target_duration_s } = progress;
    const born = { job_id, lease, attempt, worker_id: worker.id, stream_id, session, key_hash };
    if (!(await createIngestJob(ctx, { ...born, spec: { offline: true } }))) return false;
    this.#leases.add({
      job_id,
      attempt,
      lease,
      stream_id,
      session,
      epoch,
      first_msn: next_msn,
      discontinuity_sequence,
      last_target_duration_s: target_duration_s,
      policy: { second_publisher: "takeover", max_bitrate_bps: MAX_BITRATE_BPS, record },
    });
    return true;
  }

  /** The job will not come back: `→ lost → failed`, or `done` when it had been told to stop. */
  async #giveUp(grant: PublishGrant): Promise<void> {
    const ctx = this.#context();
    await liveStream(ctx.env, grant.stream_id).lost(grant.lease);
    const stopped = this.#leases.get(grant.job_id)?.state === "stopping";
    if (stopped) await moveJob(ctx, grant, "done", { last_error: "stopped" });
    else await moveJobThrough(ctx, grant, ["lost", "failed"], { blame: "internal", last_error: "lost" });
    this.#leases.delete(grant.job_id);
  }

  async #during(ending: Promise<void>): Promise<void> {
    this.#ending.add(ending);
    try {
      await ending;
    } finally {
      this.#ending.delete(ending);
    }
  }

  /** Undoes a `begin` whose job was never born. */
  async #drop(grant: PublishGrant): Promise<void> {
    await liveStream(this.#context().env, grant.stream_id).lost(grant.lease);
    this.#leases.delete(grant.job_id);
  }

  async #stopElsewhere(ctx: Ctx, replaced: { worker_id: string; job_id: string; lease: string }): Promise<void> {
    const { worker_id, ...job } = replaced;
    try {
      await mediaNode(ctx.env, worker_id).stop({ ...job, reason: "taken_over" });
    } catch (error) {
      logFailure("stop order after a takeover failed", error, { worker_id, job_id: job.job_id });
    }
  }
}
