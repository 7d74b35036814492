/**
 * Records one stream: a reader of the hub that decides when the parts of a recording begin and end.
 *
 *     waiting ──keyframe (or audio alone), room on disk──▶ recording ──session or tracks end, limit,──▶ waiting
 *                                                                      no room, disk failed
 *
 * Whatever the disk does, the stream does not notice: fragments are handed to a writer that takes them or fails.
 */
import type { EndReason, PublishGrant, RecordingRefusal, StreamEvent } from "#contract/media";
import type { PartEnd } from "#contract/recording";
import type { Clock } from "../live/clock.ts";
import type { StreamReader, TimedUnit } from "../live/reader.ts";
import { describeTracks, type Tracks } from "../live/tracks.ts";
import { FragmentCutter, timescaleOf } from "./fragment-cutter.ts";
import { openHeader } from "./header.ts";
import { DISK_RETRY_MS, type OpenedPart, type Recordings } from "./recordings.ts";

/** How far a part goes on beyond its limits when no keyframe comes. */
const OVERTIME = { bytes: 1024 ** 3, ms: 600_000 };

/** A disk that is full takes a part's begin at times: it is recorded again when so much was. */
const RESUMED_SECONDS = 1;

const REFUSED = {
  spool_full: "Too much is waiting to be uploaded: this stream is not recorded until there is room again",
  disk: "The disk does not take the recording: this stream is not recorded until it does",
} as const satisfies Record<RecordingRefusal, string>;

export type RecordingEvent = Extract<StreamEvent, { event: "recording_refused" | "recording_resumed" }>;

type Publish = Pick<PublishGrant, "stream_id" | "session" | "epoch" | "policy">;
type Running = {
  tracks: Tracks;
  part: OpenedPart;
  cutter: FragmentCutter;
  timescale: number;
  bytes: number;
  ticks: number;
};

export class Recorder implements StreamReader {
  readonly #recordings: Recordings;
  readonly #clock: Clock;
  readonly #tell: (event: RecordingEvent) => void;
  /** Null: this session is not recorded. */
  #publish: Publish | null = null;
  #tracks: Tracks | null = null;
  /** Number of the next part in its epoch. */
  #n = 0;
  #running: Running | null = null;
  /** By the clock's `elapsed`: a disk that failed is left alone until then. */
  #retryAt = Number.NEGATIVE_INFINITY;
  /** Told of, in which session, and not over. */
  readonly #told = new Set<RecordingRefusal>();
  #session = "";

  /** `tell`: each refusal once per cause and live session, until it is over. */
  constructor(recordings: Recordings, clock: Clock, tell: (event: RecordingEvent) => void) {
    this.#recordings = recordings;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Why the stream is not recorded, in words. */
  get warnings(): string[] {
    return [...this.#told].map((cause) => REFUSED[cause]);
  }

  session(grant: Publish): void {
    this.#endPart("finished");
    this.#publish = grant.policy.record ? grant : null;
    this.#n = 0;
    if (grant.session !== this.#session) this.#told.clear();
    this.#session = grant.session;
  }

  /** A jump of the clock alone goes on in the same part. */
  timeline(tracks: Tracks): void {
    if (this.#running && haveSameParameters(this.#running.tracks, tracks)) this.#running.cutter.jump();
    else this.#endPart("tracks");
    this.#tracks = tracks;
  }

  unit(unit: TimedUnit): void {
    if (!this.#publish || !this.#tracks) return;
    if (this.#running && this.#isFull(this.#running, unit)) this.#endPart("limit");
    this.#running ??= this.#begin(this.#publish, this.#tracks, unit);
    const running = this.#running;
    if (!running) return;
    const { bytes } = running;
    running.cutter.unit(unit);
    if (running.bytes > bytes && this.#recordings.full) {
      this.#endPart("spool_full");
      this.#refuse("spool_full");
    } else if (this.#told.size > 0 && running.ticks >= RESUMED_SECONDS * running.timescale) this.#resumed();
  }

  end(reason: EndReason): void {
    this.#endPart(reason === "worker_stopped" ? "worker_stopped" : "finished");
    this.#publish = null;
    this.#tracks = null;
  }

  #begin(publish: Publish, tracks: Tracks, unit: TimedUnit): Running | null {
    if (unit.kind === "video" ? !unit.key : tracks.video !== null) return null;
    if (this.#clock.elapsed() < this.#retryAt) return null;
    if (this.#recordings.full) {
      this.#refuse("spool_full");
      return null;
    }
    const { header, initBytes } = openHeader(tracks);
    const timescale = timescaleOf(tracks);
    const { stream_id, session, epoch } = publish;
    const file = {
      version: 1 as const,
      stream_id,
      session,
      epoch,
      n: this.#n++,
      started_at: this.#clock.now(),
      tracks: describeTracks(tracks),
      init_bytes: initBytes,
      header_bytes: header.length,
      timescale,
      presentation_start: unit.kind === "video" ? Math.round(unit.cts) : 0,
    };
    const part = this.#recordings.open(file, header, () => this.#failed(part));
    const cutter = new FragmentCutter(tracks, (fragment) => {
      running.bytes += fragment.bytes;
      running.ticks += fragment.ticks;
      part.append(fragment);
    });
    const running: Running = { tracks, part, cutter, timescale, bytes: header.length, ticks: 0 };
    return running;
  }

  #isFull({ bytes, ticks, timescale, tracks }: Running, unit: TimedUnit): boolean {
    const { limits } = this.#recordings;
    const over = { bytes: bytes - limits.bytes, ms: (ticks * 1000) / timescale - limits.ms };
    if (over.bytes < 0 && over.ms < 0) return false;
    const cleanly = unit.kind === "video" ? unit.key : tracks.video === null;
    return cleanly || over.bytes >= OVERTIME.bytes || over.ms >= OVERTIME.ms;
  }

  #endPart(end: PartEnd): void {
    const running = this.#running;
    this.#running = null;
    if (!running) return;
    running.cutter.flush();
    running.part.end(end);
  }

  #failed(part: OpenedPart): void {
    if (this.#running?.part === part) this.#running = null;
    this.#retryAt = this.#clock.elapsed() + DISK_RETRY_MS;
    this.#refuse("disk");
  }

  #refuse(cause: RecordingRefusal): void {
    if (this.#told.has(cause)) return;
    this.#told.add(cause);
    this.#tell({ event: "recording_refused", cause, message: REFUSED[cause] });
  }

  #resumed(): void {
    for (const message of this.warnings) this.#tell({ event: "recording_resumed", message });
    this.#told.clear();
  }
}

function haveSameParameters(a: Tracks, b: Tracks): boolean {
  return isSame(a.video?.record, b.video?.record) && isSame(a.audio?.record, b.audio?.record);
}

const isSame = (a: Buffer | undefined, b: Buffer | undefined) => (a && b ? a.equals(b) : a === b);
