/**
 * One stretch of media on one clock: places the publisher's milliseconds on the tracks' timescales.
 *
 * Video keeps its decode times (RTMP's milliseconds are exact enough). Audio is counted in samples, because frames of
 * 23.22 ms arrive stamped 23 or 24, and is put right only when it has drifted from its time stamps beyond
 * `AUDIO_DRIFT_MS`. With video, video is the master: a jump of the video's clock ends the timeline, one of the audio's
 * alone is bridged. Nothing here reads a clock.
 */
import { VIDEO_TIMESCALE } from "./tracks.ts";

/** A step forward beyond this is a new clock, not a pause. */
const JUMP_MS = 10_000;
/** A step back up to this is an encoder's slip; beyond it, a new clock. */
const SLIP_MS = 500;
/** How far audio may drift from its time stamps before it is put right. */
const AUDIO_DRIFT_MS = 100;
const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;

export type PlacedAudio = { time: number; duration: number };

export class Timeline {
  readonly #hasVideo: boolean;
  readonly #rate: number;
  readonly #frameLength: number;
  /** Publisher's time of tick 0, per track. */
  #videoOrigin: number | null = null;
  #audioOrigin: number | null = null;
  #videoMs = -1;
  #videoArrived = 0;
  #nextAudio: number | null = null;

  constructor(hasVideo: boolean, audio: { coreRate: number; frameLength: number } | null) {
    this.#hasVideo = hasVideo;
    this.#rate = audio?.coreRate ?? 1;
    this.#frameLength = audio?.frameLength ?? 0;
  }

  /** How far each track has come, in ms from the timeline's start. */
  get videoMs(): number {
    return Math.max(0, this.#videoMs);
  }
  get audioMs(): number {
    return ((this.#nextAudio ?? 0) * 1000) / this.#rate;
  }

  /** Decode time in ticks; null: the publisher's clock jumped, this timeline is over. */
  placeVideo(dts: number): number | null {
    if (this.#videoOrigin === null) this.#videoOrigin = dts;
    else if (dts - this.#videoArrived > JUMP_MS) return null;
    const natural = dts - this.#videoOrigin;
    if (this.#videoMs - natural > SLIP_MS) return null;
    this.#videoArrived = dts;
    // Small steps back are made monotonic: no frame is dropped, and the clock catches up by itself.
    this.#videoMs = Math.max(natural, this.#videoMs + 1);
    return this.#videoMs * TICKS_PER_MS;
  }

  /**
   * In samples. `drop`: this frame's time has passed already. `break`: without video, the publisher's clock jumped and
   * this timeline is over.
   *
   * Frames join without a gap. Where some are missing, the first one after them begins where the last one ended and
   * lasts until its own end: heard a little early, and no later frame need be known to say how long one lasts.
   */
  placeAudio(dts: number): PlacedAudio | "drop" | "break" {
    this.#audioOrigin ??= this.#firstAudioOrigin(dts);
    const arrived = ((dts - this.#audioOrigin) * this.#rate) / 1000;
    const start = this.#nextAudio === null ? Math.round(arrived) : this.#follow(dts, arrived, this.#nextAudio);
    if (start === "break") return start;
    if (start === "drop" || start < 0) return "drop";
    const time = this.#nextAudio ?? start;
    this.#nextAudio = start + this.#frameLength;
    return { time, duration: this.#nextAudio - time };
  }

  #firstAudioOrigin(dts: number): number {
    if (this.#videoOrigin === null) return dts;
    // Tracks whose clocks have nothing to do with each other are joined as they arrive.
    const unrelated = Math.abs(dts - this.#videoArrived) > JUMP_MS;
    return unrelated ? dts - this.#videoMs : this.#videoOrigin;
  }

  #follow(dts: number, arrived: number, next: number): number | "drop" | "break" {
    const drift = ((arrived - next) * 1000) / this.#rate;
    if (!this.#hasVideo) return Math.abs(drift) > SLIP_MS ? "break" : next;
    if (Math.abs(drift) <= AUDIO_DRIFT_MS) return next;
    if (drift > JUMP_MS || drift < -SLIP_MS) {
      this.#audioOrigin = dts - (next * 1000) / this.#rate;
      return next;
    }
    return drift > 0 ? Math.round(arrived) : "drop";
  }
}
