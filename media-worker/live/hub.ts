/**
 * The hub: takes publishers in (after the control plane has), gives each stream its one place, watches for publishers
 * that fell silent or send too much, and answers the control plane for what runs here.
 */
import type { EndReason, RunningJob } from "#contract/media";
import type { Attic } from "../packager/attic.ts";
import type { Recordings } from "../recorder/recordings.ts";
import type { Clock } from "./clock.ts";
import type { Control } from "./control.ts";
import type { Ingest, PublisherConnection, PublishReply, PublishRequest } from "./media.ts";
import type { PublishSession } from "./publish-session.ts";
import { LiveStream } from "./stream.ts";

const CHECK_MS = 500;
/** No media for so long: let go. The check comes up to `CHECK_MS` late, 15 s is the promise. */
const STALLED_MS = 15_000 - CHECK_MS;
/** Bit rate is judged over this time; an encoder that catches up after a stall may exceed it for a while. */
const RATE_WINDOW_MS = 10_000;
const RATE_TOLERANCE = 1.5;
/** How long the end waits for recordings to be on disk; the next start completes what was not. */
const SETTLE_MS = 2_000;

export type HubSettings = {
  /** Target of an LL-HLS part. */
  partMs: number;
  maxPublishers: number;
  /** For each stream's older segments; null keeps them in memory. */
  newAttic: (() => Attic) | null;
  /** Null: nothing is recorded. */
  recordings: Recordings | null;
};

export class Hub implements Ingest {
  readonly #settings: HubSettings;
  readonly #control: Control;
  readonly #clock: Clock;
  readonly #streams = new Map<number, LiveStream>();
  readonly #rates = new WeakMap<PublishSession, { since: number; bytes: number }>();
  /** Let in by nobody yet, but on their way. */
  #admitting = 0;
  #draining = false;
  #closed = false;

  constructor(settings: HubSettings, control: Control, clock: Clock) {
    this.#settings = settings;
    this.#control = control;
    this.#clock = clock;
    this.#check();
  }

  stream(id: number): LiveStream | null {
    return this.#streams.get(id) ?? null;
  }

  streamIds(): number[] {
    return [...this.#streams.keys()];
  }

  async publish(request: PublishRequest, connection: PublisherConnection): Promise<PublishReply> {
    if (this.#draining) return { ok: false, reason: "overloaded", message: "This media worker is shutting down" };
    if (this.#sessions().length + this.#admitting >= this.#settings.maxPublishers) {
      return { ok: false, reason: "overloaded", message: "This media worker has as many publishers as it can take" };
    }
    this.#admitting++;
    try {
      const reply = await this.#control.authorise(request);
      if (!reply.ok) return reply;
      if (this.#closed) return { ok: false, reason: "overloaded", message: "This media worker is shutting down" };
      return { ok: true, input: this.#open(reply.grant.stream_id).publish(reply.grant, connection) };
    } finally {
      this.#admitting--;
    }
  }

  running(): RunningJob[] {
    return [...this.#streams.values()].flatMap((stream) => stream.running() ?? []);
  }

  stop(jobId: string, lease: string, reason: EndReason): void {
    for (const session of this.#sessions()) {
      if (session.grant.job_id !== jobId || session.lease !== lease) continue;
      // Ordered from outside, a takeover means that the new publisher is at another media worker.
      if (reason === "taken_over") this.stream(session.grant.stream_id)?.hls.moved();
      session.close(reason);
    }
  }

  reconcile(desired: readonly { job_id: string; lease: string }[]): void {
    const leases = new Map(desired.map(({ job_id, lease }) => [job_id, lease]));
    for (const session of this.#sessions()) {
      const lease = leases.get(session.grant.job_id);
      if (lease === undefined) session.close("stopped");
      else session.lease = lease;
    }
  }

  /** Refuses new publishers, waits at most `seconds` for the others to leave, then closes them; their recordings are on disk. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    const deadline = this.#clock.elapsed() + seconds * 1000;
    while (this.#sessions().length > 0 && this.#clock.elapsed() < deadline) {
      await new Promise<void>((resolve) => this.#clock.after(Math.min(CHECK_MS, seconds * 1000), resolve));
    }
    for (const session of this.#sessions()) session.close("worker_stopped");
    await this.#settings.recordings?.settled(SETTLE_MS);
  }

  /** Closes every session as `worker_stopped`, and gives up what they showed. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closed = true;
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
    await this.#settings.recordings?.settled(SETTLE_MS);
  }

  #open(id: number): LiveStream {
    const known = this.#streams.get(id);
    if (known) return known;
    const { partMs, newAttic, recordings } = this.#settings;
    const settings = { partMs, attic: newAttic?.() ?? null, recordings, clock: this.#clock, control: this.#control };
    const stream = new LiveStream(id, settings, () => {
      this.#streams.delete(id);
      void stream.close();
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #sessions(): PublishSession[] {
    return [...this.#streams.values()].flatMap((stream) => stream.session ?? []);
  }

  /** One timer for all publishers: re-arming one per access unit costs more than all of this. */
  #check(): void {
    if (this.#closed) return;
    const now = this.#clock.elapsed();
    for (const session of this.#sessions()) {
      if (now - session.lastMediaAt >= STALLED_MS) session.close("stalled");
      else this.#checkRate(session, now);
    }
    this.#clock.after(CHECK_MS, () => this.#check());
  }

  #checkRate(session: PublishSession, now: number): void {
    const window = this.#rates.get(session);
    if (!window || now - window.since >= RATE_WINDOW_MS) {
      this.#rates.set(session, { since: now, bytes: session.bytesIn });
      return;
    }
    const allowed = (session.grant.policy.max_bitrate_bps / 8) * (RATE_WINDOW_MS / 1000) * RATE_TOLERANCE;
    if (session.bytesIn - window.bytes <= allowed) return;
    session.warn("The bit rate is far above what this stream may send");
    session.close("too_slow");
  }
}
