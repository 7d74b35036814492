/**
 * Cuts one timeline into segments and LL-HLS parts, each part one movie fragment. With video, video decides where to
 * cut and audio goes along by time; audio alone is cut by time.
 *
 * The last sample is held back until the next one says how long it lasts, so durations are exact. Where frames are so
 * sparse that none falls near the end of a part, the next frame's *decode* time is moved to the part's end and its
 * composition offset grows by as much: it is shown when it should be, and parts keep their target.
 */
import type { TimedUnit } from "../live/reader.ts";
import { type Tracks, VIDEO_TIMESCALE } from "../live/tracks.ts";
import { type FragmentSample, type VideoSample, writeFragment } from "./fragment.ts";
import type { Pace } from "./pace.ts";

export type FinishedPart = {
  data: Buffer;
  /** Seconds. */
  duration: number;
  /** Contains an IDR picture, or is audio alone (RFC 8216bis section 4.4.4.9, INDEPENDENT). */
  independent: boolean;
};

export type SegmentSink = {
  part(part: FinishedPart): void;
  /** The segment that the parts since the last call belong to is complete. `keyed`: it began with an IDR picture. */
  segment(keyed: boolean): void;
  /** The next segment begins so many seconds after this one's end, though nothing else changed. */
  gap(seconds: number): void;
  nextSequence(): number;
};

const SHORTEST_PART = 0.85;
/** Frame intervals differ by this much only because RTMP rounds to milliseconds. */
const ROUNDING = 1.5 * (VIDEO_TIMESCALE / 1000);
/** When only one frame ever came. */
const USUAL_INTERVAL = VIDEO_TIMESCALE / 30;

/** Ticks that decode times may be early without an IDR picture to begin anew. */
const MAX_LAG = 10 * VIDEO_TIMESCALE;

type Held<Sample> = Sample & { time: number };
type VideoUnit = TimedUnit & { kind: "video" };

export class Segmenter {
  readonly #pace: Pace;
  readonly #sink: SegmentSink;
  readonly #hasVideo: boolean;
  readonly #audioRate: number;
  readonly #frameLength: number;
  /** Ticks per second of the track that decides. */
  readonly #timescale: number;

  /** Of the open part. */
  #video: Held<VideoSample>[] = [];
  #lastVideo: Held<VideoSample> | null = null;
  /** Not yet in a part. */
  #audio: Held<FragmentSample>[] = [];
  #segmentStart = 0;
  #partStart = 0;
  #segmentBytes = 0;
  #segmentKeyed = true;
  #segmentHasParts = false;
  #lastKey = 0;
  #interval = USUAL_INTERVAL;

  constructor(tracks: Tracks, pace: Pace, sink: SegmentSink) {
    this.#pace = pace;
    this.#sink = sink;
    this.#hasVideo = tracks.video !== null;
    this.#audioRate = tracks.audio?.parameters.coreRate ?? 1;
    this.#frameLength = tracks.audio?.parameters.frameLength ?? 0;
    this.#timescale = this.#hasVideo ? VIDEO_TIMESCALE : this.#audioRate;
  }

  unit(unit: TimedUnit): void {
    this.#segmentBytes += unit.data.length;
    if (unit.kind === "audio") this.#takeAudio(unit.time, unit.data);
    else this.#takeVideo(unit);
  }

  /** The timeline is over: everything goes out. */
  flush(): void {
    const last = this.#lastVideo;
    this.#lastVideo = null;
    if (last) {
      const room = this.#partStart + this.#partTicks - last.time;
      if (this.#interval > room && this.#longEnough(last.time)) this.#closePart(last.time);
      last.duration = Math.max(1, Math.min(this.#interval, this.#partStart + this.#partTicks - last.time));
      this.#video.push(last);
      this.#closePart(last.time + last.duration, true);
    } else if (!this.#hasVideo) {
      this.#closePart(this.#audioEnd, true);
    }
    this.#endSegment();
  }

  get #partTicks(): number {
    return Math.floor(this.#pace.partTarget * this.#timescale);
  }

  get #audioEnd(): number {
    const last = this.#audio.at(-1);
    return last ? last.time + last.duration : this.#partStart;
  }

  #longEnough(partEnd: number): boolean {
    return partEnd - this.#partStart >= SHORTEST_PART * this.#partTicks;
  }

  #takeVideo(unit: VideoUnit): void {
    const last = this.#lastVideo;
    if (!last) {
      this.#segmentStart = unit.time;
      this.#partStart = unit.time;
      this.#lastKey = unit.time;
      this.#segmentKeyed = unit.key;
      this.#hold(unit, unit.time);
      return;
    }
    let time = Math.max(unit.time, last.time + 1);
    this.#pace.widenParts((time - last.time) / this.#timescale);
    if (time - this.#segmentStart > this.#pace.limit * this.#timescale) this.#closeSegment(last.time, last.key);
    if (time - this.#partStart > this.#partTicks && this.#longEnough(last.time)) this.#closePart(last.time);
    time = Math.min(time, Math.max(this.#partStart + this.#partTicks, last.time + 1));
    last.duration = time - last.time;
    this.#interval = last.duration;
    this.#video.push(last);
    this.#cut(unit, time);
    if (unit.time - time > (unit.key ? this.#partTicks : MAX_LAG)) {
      // Frames have been too sparse for long: here is the place to let the clock catch up.
      this.#closeSegment(time, unit.key);
      this.#sink.gap((unit.time - time) / this.#timescale);
      this.#segmentStart = unit.time;
      this.#partStart = unit.time;
      time = unit.time;
    }
    if (unit.key) this.#lastKey = time;
    this.#hold(unit, time);
  }

  #cut(unit: VideoUnit, time: number): void {
    const seconds = (ticks: number) => ticks / this.#timescale;
    const sinceKey = seconds(time - this.#lastKey);
    if (unit.key) this.#pace.sawGop(sinceKey);
    const cut = this.#pace.cutHere({
      duration: seconds(time - this.#segmentStart),
      bytes: this.#segmentBytes,
      key: unit.key,
      interval: seconds(this.#interval),
      sinceKey,
    });
    if (cut) this.#closeSegment(time, unit.key);
    else if (this.#longEnough(time) && time + this.#interval - this.#partStart > this.#partTicks + ROUNDING) {
      this.#closePart(time);
    }
  }

  #hold(unit: VideoUnit, time: number): void {
    this.#lastVideo = { time, duration: 0, cts: unit.time + unit.cts - time, key: unit.key, data: unit.data };
  }

  #takeAudio(time: number, data: Buffer): void {
    const last = this.#audio.at(-1);
    if (last) last.duration = time - last.time;
    this.#audio.push({ time, duration: this.#frameLength, data });
    if (this.#hasVideo) return;
    const end = time + this.#frameLength;
    const frame = this.#frameLength / this.#timescale;
    if (this.#pace.cutAudioHere((end - this.#segmentStart) / this.#timescale, this.#segmentBytes, frame)) {
      this.#closeSegment(end, true);
    } else if (end + this.#frameLength - this.#partStart > this.#partTicks) {
      this.#closePart(end);
    }
  }

  #closeSegment(end: number, nextKeyed: boolean): void {
    this.#closePart(end);
    this.#endSegment();
    this.#segmentStart = end;
    this.#segmentKeyed = nextKeyed;
  }

  #endSegment(): void {
    if (!this.#segmentHasParts) return;
    this.#segmentHasParts = false;
    this.#segmentBytes = 0;
    this.#pace.fix(this.#hasVideo);
    this.#sink.segment(this.#segmentKeyed);
  }

  /** `all`: audio beyond the end too, because nothing follows. */
  #closePart(end: number, all = false): void {
    const duration = (end - this.#partStart) / this.#timescale;
    const video = this.#video;
    const audio = this.#audioUntil(end / this.#timescale, all);
    if (duration <= 0 || (this.#hasVideo ? video.length : audio.length) === 0) return;
    const data = writeFragment({
      sequence: this.#sink.nextSequence(),
      video: video[0] ? { decodeTime: video[0].time, samples: video } : null,
      audio: audio[0] ? { decodeTime: audio[0].time, samples: audio, usualDuration: this.#frameLength } : null,
    });
    const independent = !this.#hasVideo || video.some((sample) => sample.key);
    this.#video = [];
    this.#partStart = end;
    this.#segmentHasParts = true;
    this.#pace.partsStarted();
    this.#sink.part({ data, duration, independent });
  }

  #audioUntil(end: number, all: boolean): Held<FragmentSample>[] {
    const audio = this.#audio;
    if (all || !this.#hasVideo) {
      this.#audio = [];
      return audio;
    }
    // The last one too, though only the next tells for sure how long it lasts: a player that finds its audio to end
    // before its video at the live edge asks for the same part again and again.
    let count = 0;
    while (count < audio.length && (audio[count]?.time ?? 0) / this.#audioRate < end) count++;
    return audio.splice(0, count);
  }
}
