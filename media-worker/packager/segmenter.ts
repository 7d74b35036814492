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
import { type Pace, SHORTEST_PART } from "./pace.ts";

export type FinishedPart = {
  data: Buffer;
  /** Seconds. */
  duration: number;
  /** Contains an IDR picture, or is audio alone (RFC 8216bis section 4.4.4.9, INDEPENDENT). */
  independent: boolean;
  /** Pictures in it. */
  frames: number;
};

export type SegmentSink = {
  part(part: FinishedPart): void;
  /** The segment that the parts since the last call belong to is complete. `keyed`: it began with an IDR picture. */
  segment(keyed: boolean): void;
  /** The next segment begins so many seconds after this one's end, though nothing else changed. */
  gap(seconds: number): void;
  nextSequence(): number;
};

/** Frame intervals differ by this much only because RTMP rounds to milliseconds. */
const ROUNDING = 1.5 * (VIDEO_TIMESCALE / 1000);
/** How far video may go on before a part is sent without its audio. */
const AUDIO_PATIENCE = 0.3 * VIDEO_TIMESCALE;
/** When only one frame ever came. */
const USUAL_INTERVAL = VIDEO_TIMESCALE / 30;

/** Times the timescale, a product that should be whole may fall short by this. */
const EPSILON = 1e-6;
/** What fits `trun`: six hours of frames too sparse for their parts, without an IDR picture to begin anew. */
const MAX_CTS = 0x7fffffff;

type Held<Sample> = Sample & { time: number };
type PartCut = { cut: "part"; start: number; end: number; video: Held<VideoSample>[] };
type Cut = PartCut | { cut: "segment"; keyed: boolean } | { cut: "gap"; seconds: number };
type VideoUnit = TimedUnit & { kind: "video" };

export class Segmenter {
  readonly #pace: Pace;
  readonly #sink: SegmentSink;
  readonly #hasVideo: boolean;
  readonly #hasAudio: boolean;
  readonly #audioRate: number;
  readonly #frameLength: number;
  /** Ticks per second of the track that decides. */
  readonly #timescale: number;

  /** Of the open part. */
  #video: Held<VideoSample>[] = [];
  #lastVideo: Held<VideoSample> | null = null;
  /** Not yet in a part. */
  #audio: Held<FragmentSample>[] = [];
  /** Decided, but not handed out yet. */
  readonly #cuts: Cut[] = [];
  #audioEnd = 0;
  #flushing = false;
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
    this.#hasAudio = tracks.audio !== null;
    this.#audioRate = tracks.audio?.parameters.coreRate ?? 1;
    this.#frameLength = tracks.audio?.parameters.frameLength ?? 0;
    this.#timescale = this.#hasVideo ? VIDEO_TIMESCALE : this.#audioRate;
    if (!this.#hasVideo) pace.fitParts(this.#frameLength / this.#audioRate);
  }

  unit(unit: TimedUnit): void {
    this.#segmentBytes += unit.data.length;
    if (unit.kind === "audio") this.#takeAudio(unit);
    else this.#takeVideo(unit);
  }

  /** The timeline is over: everything goes out. */
  flush(): void {
    this.#flushing = true;
    const last = this.#lastVideo;
    this.#lastVideo = null;
    if (last) {
      const room = this.#partStart + this.#partTicks - last.time;
      if (this.#interval > room && this.#longEnough(last.time)) this.#closePart(last.time);
      last.duration = Math.max(1, Math.min(this.#interval, this.#partStart + this.#partTicks - last.time));
      this.#video.push(last);
      this.#closePart(last.time + last.duration);
    } else if (!this.#hasVideo) {
      this.#closePart(this.#audioEnd);
    }
    this.#endSegment();
  }

  get #partTicks(): number {
    return Math.floor(this.#pace.partTarget * this.#timescale + EPSILON);
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
    if (unit.key && unit.time - time > this.#partTicks) {
      // Frames have been too sparse for long: here is the place to let the clock catch up.
      this.#closeSegment(time, true);
      this.#cuts.push({ cut: "gap", seconds: (unit.time - time) / this.#timescale });
      this.#segmentStart = unit.time;
      this.#partStart = unit.time;
      time = unit.time;
    }
    if (unit.key) this.#lastKey = time;
    this.#hold(unit, time);
    if (this.#cuts.length > 0) this.#send();
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
    const cts = Math.min(unit.time + unit.cts - time, MAX_CTS);
    this.#lastVideo = { time, duration: 0, cts, key: unit.key, data: unit.data };
  }

  #takeAudio(unit: TimedUnit & { kind: "audio" }): void {
    this.#audio.push(unit);
    this.#audioEnd = unit.time + unit.duration;
    if (this.#hasVideo) {
      if (this.#cuts.length > 0) this.#send();
      return;
    }
    const end = this.#audioEnd;
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
    this.#pace.segmentDone();
    this.#cuts.push({ cut: "segment", keyed: this.#segmentKeyed });
    this.#send();
  }

  #closePart(end: number): void {
    const start = this.#partStart;
    const video = this.#video;
    if (end <= start || (this.#hasVideo ? video : this.#audio).length === 0) return;
    this.#video = [];
    this.#partStart = end;
    this.#segmentHasParts = true;
    this.#pace.partsStarted(this.#hasVideo);
    this.#cuts.push({ cut: "part", start, end, video });
    this.#send();
  }

  /**
   * Hands out what was cut, in order. A part waits for its audio, which comes a little later than its video: a player
   * whose audio ends before its video at the live edge asks for the same part again and again.
   */
  #send(): void {
    for (;;) {
      const next = this.#cuts[0];
      if (!next || (next.cut === "part" && !this.#hasAudioUntil(next.end))) return;
      this.#cuts.shift();
      if (next.cut === "part") this.#sendPart(next);
      else if (next.cut === "segment") this.#sink.segment(next.keyed);
      else this.#sink.gap(next.seconds);
    }
  }

  #hasAudioUntil(end: number): boolean {
    if (this.#flushing || !this.#hasVideo || !this.#hasAudio) return true;
    const reached = this.#audioEnd / this.#audioRate >= end / this.#timescale;
    return reached || (this.#lastVideo?.time ?? 0) - end >= AUDIO_PATIENCE;
  }

  #sendPart({ start, end, video }: PartCut): void {
    const audio = this.#audioUntil(end / this.#timescale);
    const data = writeFragment({
      sequence: this.#sink.nextSequence(),
      video: video[0] ? { decodeTime: video[0].time, samples: video } : null,
      audio: audio[0] ? { decodeTime: audio[0].time, samples: audio, usualDuration: this.#frameLength } : null,
    });
    const independent = !this.#hasVideo || video.some((sample) => sample.key);
    this.#sink.part({ data, duration: (end - start) / this.#timescale, independent, frames: video.length });
  }

  /** All of it at the end of the timeline, because nothing follows. */
  #audioUntil(end: number): Held<FragmentSample>[] {
    const audio = this.#audio;
    const all = !this.#hasVideo || (this.#flushing && this.#cuts.every(({ cut }) => cut !== "part"));
    let count = all ? audio.length : 0;
    while (count < audio.length && (audio[count]?.time ?? 0) / this.#audioRate < end) count++;
    return audio.splice(0, count);
  }
}
