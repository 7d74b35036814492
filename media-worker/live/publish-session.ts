/**
 * One publish session: decides what of a publisher's media goes out, on which timeline.
 *
 *     gathering ──tracks known──▶ waiting ──IDR (or audio alone)──▶ playing ──clock jump──▶ waiting …
 *
 * `gathering`: until both parameter sets are there, the encoder has said which tracks to expect, or `GATHER_MS` have
 * passed; what comes meanwhile is kept. `waiting`: pictures before the first IDR and audio before it are dropped.
 * `playing`: a new timeline begins at an IDR when tracks came or changed, and after a jump of the clock.
 */
import type { Blame, EndReason, PublishGrant, StreamEvent, TrackInfo } from "#contract/media";
import { CodecError } from "../packager/codec-error.ts";
import type { Clock } from "./clock.ts";
import type { AccessUnit, Announced, AudioConfig, PublisherConnection, PublisherInput, VideoConfig } from "./media.ts";
import type { TimedUnit } from "./reader.ts";
import { Timeline } from "./timeline.ts";
import {
  type AudioTrack,
  audioTrack,
  describeTracks,
  type Tracks,
  VIDEO_TIMESCALE,
  type VideoTrack,
  videoTrack,
} from "./tracks.ts";

const GATHER_MS = 500;
const GATHER_BYTES = 8 * 1024 * 1024;
/** A track that is so far behind the other one has stopped. */
const TRACK_LOST_MS = 3_000;
/** The contract has room for 16, of which some are on the recording. */
const MAX_WARNINGS = 12;
const MAX_CTS_MS = 10_000;

/** What the session belongs to: the stream it feeds, and who is told. */
export type SessionOwner = {
  timeline(session: PublishSession, tracks: Tracks): void;
  unit(unit: TimedUnit): void;
  /** After the last unit. */
  ended(session: PublishSession, reason: EndReason): void;
  report(session: PublishSession, event: StreamEvent): void;
  /** Seconds: GOP length to report with `ready`. */
  gop(): number;
};

export class PublishSession implements PublisherInput {
  readonly grant: PublishGrant;
  /** The fence of this session; a session let in from the cache gets a new one later. */
  lease: string;
  readonly startedAt: number;
  /** When media came last, by the clock's `elapsed`. */
  lastMediaAt: number;
  bytesIn = 0;
  ready = false;
  readonly warnings: string[] = [];

  readonly #connection: PublisherConnection;
  readonly #owner: SessionOwner;
  readonly #clock: Clock;
  #ended = false;
  #announced: Announced = {};
  #withoutVideo = false;
  #withoutAudio = false;
  /** As configured last; what plays may differ until the next IDR. */
  #latest: Tracks = { video: null, audio: null };
  #lost: "video" | "audio" | null = null;
  #gathered: AccessUnit[] | null = [];
  #gatheredBytes = 0;
  #stopGathering: (() => void) | null = null;
  #playing: { tracks: Tracks; timeline: Timeline } | null = null;
  /** First audio since the last picture, while waiting for an IDR. */
  #waitingSince: number | null = null;

  constructor(grant: PublishGrant, connection: PublisherConnection, owner: SessionOwner, clock: Clock) {
    this.grant = grant;
    this.lease = grant.lease;
    this.#connection = connection;
    this.#owner = owner;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.lastMediaAt = clock.elapsed();
  }

  get tracks(): TrackInfo[] {
    return describeTracks(this.#playing?.tracks ?? this.#latest);
  }

  announce(announced: Announced): void {
    if (this.#ended) return;
    this.#announced = announced;
    this.#gatherNoMore();
  }

  video(config: VideoConfig): void {
    this.#configure(() => {
      if (this.#latest.video?.record.equals(config.record)) return;
      this.#latest = { ...this.#latest, video: videoTrack(config.record, this.#announced.frame_rate) };
    });
  }

  audio(config: AudioConfig): void {
    this.#configure(() => {
      if (this.#latest.audio?.record.equals(config.record)) return;
      this.#latest = { ...this.#latest, audio: audioTrack(config.record) };
    });
  }

  unit(unit: AccessUnit): void {
    if (this.#ended) return;
    this.lastMediaAt = this.#clock.elapsed();
    this.bytesIn += unit.data.length;
    if (this.#gathered === null) this.#route(unit);
    else this.#gather(this.#gathered, unit);
  }

  dropped(kind: "video" | "audio", codec: string): void {
    if (this.#ended) return;
    this.warn(
      `The ${kind} is ${codec}, which is not supported: viewers get none. Send ${kind === "video" ? "H.264" : "AAC"}.`,
    );
    if (kind === "video") this.#withoutVideo = true;
    else this.#withoutAudio = true;
    this.#gatherNoMore();
  }

  end(reason: EndReason): void {
    if (this.#ended) return;
    if (this.#gathered !== null) this.#start();
    this.#ended = true;
    this.#stopGathering?.();
    this.#owner.ended(this, reason);
    this.#owner.report(this, { event: "ended", reason, blame: BLAME[reason], ended_at: this.#clock.now() });
  }

  /** Ends the session from this side. */
  close(reason: EndReason): void {
    if (this.#ended) return;
    this.end(reason);
    this.#connection.close(reason);
  }

  warn(message: string): void {
    if (this.warnings.includes(message) || this.warnings.length >= MAX_WARNINGS) return;
    this.warnings.push(message);
    this.#owner.report(this, { event: "warning", message });
  }

  #configure(apply: () => void): void {
    if (this.#ended) return;
    try {
      apply();
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.warn(error.message);
      this.close(error.reason === "unsupported" ? "unsupported" : "protocol_error");
      return;
    }
    this.#startGatherTimer();
    this.#gatherNoMore();
  }

  // gathering

  #gather(gathered: AccessUnit[], unit: AccessUnit): void {
    gathered.push(unit);
    this.#gatheredBytes += unit.data.length;
    this.#startGatherTimer();
    const span = unit.dts - (gathered[0]?.dts ?? unit.dts);
    if (Math.abs(span) >= GATHER_MS || this.#gatheredBytes > GATHER_BYTES) this.#start();
  }

  #startGatherTimer(): void {
    this.#stopGathering ??= this.#clock.after(GATHER_MS, () => this.#start());
  }

  /** Starts when nothing more is to be waited for. */
  #gatherNoMore(): void {
    if (this.#gathered === null) return;
    const video = this.#latest.video !== null || this.#withoutVideo || this.#announced.video === false;
    const audio = this.#latest.audio !== null || this.#withoutAudio || this.#announced.audio === false;
    if (video && audio) this.#start();
  }

  /** Not before there is a track: with none, whichever comes first starts at once. */
  #start(): void {
    const gathered = this.#gathered;
    if (gathered === null || this.#ended) return;
    if (this.#latest.video === null && this.#latest.audio === null) return;
    this.#gathered = null;
    this.#stopGathering?.();
    for (const unit of gathered) this.#route(unit);
  }

  // waiting and playing

  #route(unit: AccessUnit): void {
    if (unit.kind === "video") this.#video(unit);
    else this.#audio(unit);
  }

  #video(unit: AccessUnit): void {
    const { video } = this.#latest;
    if (video === null) return;
    this.#waitingSince = null;
    if (this.#lost === "video") this.#lost = null;
    if (this.#playing === null || this.#playing.tracks.video !== video) {
      // A picture of parameters that do not play yet: only an IDR can begin with them.
      if (unit.key) this.#begin(video);
      else return;
    } else if (unit.key && this.#playing.tracks.audio !== this.#audioTrack()) this.#begin(video);
    if (this.#placeVideo(unit)) return;
    // The clock jumped. Nothing undecodable: the new timeline begins here, or else at the next IDR.
    this.#playing = null;
    if (!unit.key) return;
    this.#begin(video);
    this.#placeVideo(unit);
  }

  #placeVideo(unit: AccessUnit): boolean {
    if (this.#playing === null) return false;
    const { timeline, tracks } = this.#playing;
    const time = timeline.placeVideo(unit.dts);
    if (time === null) return false;
    const cts = Math.max(-MAX_CTS_MS, Math.min(MAX_CTS_MS, unit.cts)) * (VIDEO_TIMESCALE / 1000);
    this.#owner.unit({ kind: "video", time, cts, key: unit.key, data: unit.data });
    if (tracks.audio && timeline.videoMs - timeline.audioMs > TRACK_LOST_MS) this.#lost = "audio";
    return true;
  }

  #audio(unit: AccessUnit): void {
    const track = this.#latest.audio;
    if (track === null) return;
    if (this.#lost === "audio") this.#lost = null;
    if (this.#playing === null) {
      if (!this.#goesOnWithoutVideo(unit)) return;
      this.#begin(null);
    } else if (this.#playing.tracks.audio === null) {
      // It joins at the next IDR.
      return;
    } else if (this.#playing.tracks.audio !== track) {
      // Frames of other parameters cannot go on in the same track.
      this.#playing = null;
      if (!this.#goesOnWithoutVideo(unit)) return;
      this.#begin(null);
    }
    this.#placeAudio(unit, track);
  }

  /** Whether audio alone may begin a timeline. */
  #goesOnWithoutVideo(unit: AccessUnit): boolean {
    if (this.#latest.video === null) return true;
    this.#waitingSince ??= unit.dts;
    if (Math.abs(unit.dts - this.#waitingSince) > TRACK_LOST_MS) this.#lost = "video";
    return this.#lost === "video";
  }

  #placeAudio(unit: AccessUnit, track: AudioTrack): void {
    if (this.#playing === null) return;
    const { timeline, tracks } = this.#playing;
    const placed = timeline.placeAudio(unit.dts);
    if (placed === "drop") return;
    if (placed === "break") {
      this.#begin(null);
      this.#placeAudio(unit, track);
      return;
    }
    this.#owner.unit({ kind: "audio", ...placed, data: unit.data });
    if (tracks.video && timeline.audioMs - timeline.videoMs > TRACK_LOST_MS) {
      this.#lost = "video";
      this.#begin(null);
    }
  }

  /** What audio there is to go with the video. */
  #audioTrack(): AudioTrack | null {
    return this.#lost === "audio" ? null : this.#latest.audio;
  }

  /** A timeline with video begins at an IDR picture only, one without at any audio frame. */
  #begin(video: VideoTrack | null): void {
    const before = this.#playing;
    const tracks = { video, audio: this.#audioTrack() };
    this.#playing = { tracks, timeline: new Timeline(tracks.video !== null, tracks.audio?.parameters ?? null) };
    this.#waitingSince = null;
    this.#owner.timeline(this, tracks);
    if (!this.ready) {
      this.ready = true;
      this.#owner.report(this, { event: "ready", tracks: this.tracks, target_duration_s: this.#owner.gop() });
    } else if (before?.tracks.video !== tracks.video || before?.tracks.audio !== tracks.audio) {
      this.#owner.report(this, { event: "tracks", tracks: this.tracks });
    }
  }
}

const BLAME = {
  finished: null,
  disconnected: "upstream",
  stalled: "upstream",
  taken_over: null,
  stopped: null,
  unsupported: "input",
  protocol_error: "input",
  too_slow: "input",
  worker_stopped: "internal",
} as const satisfies Record<EndReason, Blame | null>;
