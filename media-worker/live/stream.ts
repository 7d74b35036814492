/**
 * One stream: the publish session that feeds it now, if any, and its readers. It outlives its sessions by the grace,
 * in which a publisher may come back to the same playlist, and by the linger, in which the final playlist stays.
 */
import { GRACE_MS, LINGER_MS } from "#contract/live";
import type { EndReason, PublishGrant, RunningJob, StreamEvent, StreamProgress } from "#contract/media";
import type { Attic } from "../packager/attic.ts";
import { HlsOutput } from "../packager/hls-output.ts";
import { Recorder, type RecordingEvent } from "../recorder/recorder.ts";
import type { Recordings } from "../recorder/recordings.ts";
import type { Clock } from "./clock.ts";
import type { Control } from "./control.ts";
import type { PublisherConnection } from "./media.ts";
import { PublishSession, type SessionOwner } from "./publish-session.ts";
import type { StreamReader, TimedUnit } from "./reader.ts";
import type { Tracks } from "./tracks.ts";

export type StreamSettings = {
  partMs: number;
  attic: Attic | null;
  /** Null: nothing is recorded. */
  recordings: Recordings | null;
  clock: Clock;
  control: Control;
};

export class LiveStream implements SessionOwner {
  readonly id: number;
  readonly hls: HlsOutput;
  readonly #settings: StreamSettings;
  readonly #readers = new Set<StreamReader>();
  /** Nothing is left of it; called once. */
  readonly #gone: () => void;
  readonly #recorder: Recorder | null;
  #session: PublishSession | null = null;
  /** The session that the readers were told of. */
  #shown: PublishSession | null = null;
  #tracks: Tracks | null = null;
  #cancelEnd: (() => void) | null = null;

  constructor(id: number, settings: StreamSettings, gone: () => void) {
    this.id = id;
    this.#settings = settings;
    this.#gone = gone;
    this.hls = new HlsOutput(settings.partMs, settings.attic);
    this.#readers.add(this.hls);
    const { recordings, clock } = settings;
    this.#recorder = recordings && new Recorder(recordings, clock, (event) => this.#tellOfRecording(event));
    if (this.#recorder) this.#readers.add(this.#recorder);
  }

  /** The publish session that runs now. */
  get session(): PublishSession | null {
    return this.#session;
  }

  /** A newer publisher takes over: the one before is told and closed. */
  publish(grant: PublishGrant, connection: PublisherConnection): PublishSession {
    const before = this.#session;
    const session = new PublishSession(grant, connection, this, this.#settings.clock);
    this.#session = session;
    before?.close("taken_over");
    return session;
  }

  /** A reader that comes later starts with the next unit; it gets the current timeline first. */
  attach(reader: StreamReader): () => void {
    this.#readers.add(reader);
    if (this.#shown && this.#tracks) {
      reader.session(this.#shown.grant);
      reader.timeline(this.#tracks, this.#settings.clock.now());
    }
    return () => this.#readers.delete(reader);
  }

  /** Ends all of it, without grace. */
  async close(): Promise<void> {
    this.#session?.close("worker_stopped");
    this.#cancelEnd?.();
    await this.hls.close();
  }

  progress(session: PublishSession): StreamProgress {
    const { stream_id, session: live, epoch, first_msn, discontinuity_sequence } = session.grant;
    const shown = this.#shown === session;
    return {
      stream_id,
      session: live,
      epoch,
      next_msn: shown ? this.hls.nextMsn : Math.max(first_msn, this.hls.nextMsn),
      discontinuity_sequence: shown
        ? this.hls.discontinuitySequence
        : Math.max(discontinuity_sequence, this.hls.discontinuitySequence),
      target_duration_s: this.gop(),
      bytes_in: session.bytesIn,
    };
  }

  running(): RunningJob | null {
    const session = this.#session;
    if (!session) return null;
    return {
      job_id: session.grant.job_id,
      attempt: session.grant.attempt,
      lease: session.lease,
      kind: "ingest",
      ready: session.ready,
      started_at: session.startedAt,
      tracks: session.tracks,
      warnings: [...session.warnings, ...(this.#recorder?.warnings ?? [])],
      progress: this.progress(session),
    };
  }

  // As the owner of its sessions

  timeline(session: PublishSession, tracks: Tracks): void {
    if (this.#shown !== session) {
      this.#shown = session;
      this.#cancelEnd?.();
      this.#cancelEnd = null;
      for (const reader of this.#readers) reader.session(session.grant);
    }
    this.#tracks = tracks;
    const at = this.#settings.clock.now();
    for (const reader of this.#readers) reader.timeline(tracks, at);
  }

  unit(unit: TimedUnit): void {
    for (const reader of this.#readers) reader.unit(unit);
  }

  ended(session: PublishSession, reason: EndReason): void {
    if (this.#session === session) this.#session = null;
    if (this.#shown === session) {
      this.#tracks = null;
      for (const reader of this.#readers) reader.end(reason);
      // Stopped for good: nobody is coming back.
      if (reason === "stopped") this.#finish();
      else this.#endAfter(GRACE_MS, () => this.#finish());
    } else if (!this.#cancelEnd && !this.#session) this.#gone();
  }

  report(session: PublishSession, event: StreamEvent): void {
    const { job_id, attempt } = session.grant;
    this.#settings.control.event({ job_id, attempt, lease: session.lease }, this.progress(session), event);
  }

  gop(): number {
    return this.#shown ? this.hls.gop : (this.#session?.grant.last_target_duration_s ?? this.hls.gop);
  }

  /** Said after `ready`, which is reported once the readers know of the timeline. */
  #tellOfRecording(event: RecordingEvent): void {
    const session = this.#shown;
    queueMicrotask(() => {
      if (session && session === this.#session) this.report(session, event);
    });
  }

  #finish(): void {
    this.hls.finish();
    this.#endAfter(LINGER_MS, () => {
      this.#cancelEnd = null;
      this.hls.expire();
      if (!this.#session) this.#gone();
    });
  }

  #endAfter(ms: number, action: () => void): void {
    this.#cancelEnd?.();
    this.#cancelEnd = this.#settings.clock.after(ms, action);
  }
}
