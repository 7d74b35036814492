/**
 * Cuts the units of one part into movie fragments of about half a second, audio and video of the same time together.
 * With video, fragments begin at every keyframe and are cut in between by time; audio alone is cut by time.
 *
 * A part may outlast its publisher's clock: after `jump` its own times go on where both tracks have ended. Times within
 * a track never go back and leave no gap: the sample before a gap in the video, the one after a gap in the audio lasts
 * longer.
 */
import type { TimedUnit } from "../live/reader.ts";
import { type Tracks, VIDEO_TIMESCALE } from "../live/tracks.ts";
import { type FragmentSample, type VideoSample, writeFragment } from "../packager/fragment.ts";
import { InBandParameters } from "./in-band.ts";
import type { LoggedFragment } from "./part-files.ts";

/** What a killed process loses is what was not cut yet: half of the second that may be lost. */
const TARGET_SECONDS = 0.5;
/** Keyframes that follow each other faster share a fragment. */
const SHORTEST_SECONDS = 0.25;
/** However fast the stream: what is cut must find room in the writer's queue. */
const FRAGMENT_MAX_BYTES = 4 * 1024 * 1024;
/** How far video may go on before a fragment is sent without its audio. */
const AUDIO_PATIENCE = 0.3 * VIDEO_TIMESCALE;
/** Pictures come at whole milliseconds. */
const ROUNDING = 1.5 * (VIDEO_TIMESCALE / 1000);
/** When only one picture ever came. */
const USUAL_INTERVAL = VIDEO_TIMESCALE / 30;

export type CutFragment = LoggedFragment & { data: Buffer };

type VideoUnit = TimedUnit & { kind: "video" };
type AudioUnit = TimedUnit & { kind: "audio" };
type Held<Sample> = Sample & { time: number };
type Cut = { start: number; end: number; key: boolean; video: Held<VideoSample>[] };

/** Ticks per second of a part's log: those of its video, or else of its audio. */
export const timescaleOf = ({ video, audio }: Tracks) =>
  video ? VIDEO_TIMESCALE : (audio?.parameters.coreRate ?? VIDEO_TIMESCALE);

export class FragmentCutter {
  readonly #sink: (fragment: CutFragment) => void;
  readonly #hasVideo: boolean;
  readonly #hasAudio: boolean;
  readonly #audioRate: number;
  readonly #frameLength: number;
  /** Ticks per second of the track that decides. */
  readonly #timescale: number;
  readonly #parameters: InBandParameters | null;
  #sequence = 0;

  // From the publisher's times to the part's; null until the first unit of a timeline.
  #videoOffset: number | null = null;
  #audioOffset: number | null = null;
  /** Where the next timeline begins, in the part's time. */
  #videoBase = 0;

  /** Of the open fragment. */
  #video: Held<VideoSample>[] = [];
  #start = 0;
  #startsWithKey = true;
  #bytes = 0;
  /** Held back until the next one says how long it lasts. */
  #last: Held<VideoSample> | null = null;
  #interval = USUAL_INTERVAL;
  /** Not yet in a fragment. */
  #audio: Held<FragmentSample>[] = [];
  /** Null before the first frame. */
  #audioEnd: number | null = null;
  #presentationStart = 0;
  /** Decided, but waiting for their audio. */
  readonly #cuts: Cut[] = [];

  constructor(tracks: Tracks, sink: (fragment: CutFragment) => void) {
    this.#sink = sink;
    this.#hasVideo = tracks.video !== null;
    this.#hasAudio = tracks.audio !== null;
    this.#audioRate = tracks.audio?.parameters.coreRate ?? 1;
    this.#frameLength = tracks.audio?.parameters.frameLength ?? 0;
    this.#timescale = timescaleOf(tracks);
    this.#parameters = tracks.video && new InBandParameters(tracks.video.record);
  }

  /** With video, the first unit is a keyframe. */
  unit(unit: TimedUnit): void {
    if (unit.kind === "video") this.#takeVideo(unit);
    else this.#takeAudio(unit);
  }

  /** The next unit is on a new clock of the publisher. */
  jump(): void {
    if (this.#hasVideo && this.#last) {
      const audioEnd = ((this.#audioEnd ?? 0) / this.#audioRate) * VIDEO_TIMESCALE;
      const end = Math.max(this.#last.time + this.#interval, Math.ceil(audioEnd));
      this.#endVideo(end);
      this.#videoBase = end;
    }
    this.#videoOffset = null;
    this.#audioOffset = null;
  }

  /** The part is over: everything goes out. */
  flush(): void {
    if (this.#hasVideo) this.#endVideo((this.#last?.time ?? 0) + this.#interval);
    else this.#cutAudioAlone();
  }

  #takeVideo(unit: VideoUnit): void {
    if (this.#videoOffset === null) this.#beginVideo(unit);
    const time = Math.round(unit.time + (this.#videoOffset ?? 0));
    const last = this.#last;
    if (last) {
      last.duration = time - last.time;
      this.#interval = last.duration;
      this.#video.push(last);
      if (this.#cutsBefore(unit, time)) this.#cut(time, unit.key);
    }
    this.#last = { time, duration: 0, cts: unit.cts, key: unit.key, data: unit.data };
    this.#bytes += unit.data.length;
    this.#send(false);
  }

  #beginVideo(unit: VideoUnit): void {
    this.#videoOffset = this.#videoBase - unit.time;
    this.#audioOffset = Math.round((this.#videoOffset * this.#audioRate) / VIDEO_TIMESCALE);
    if (this.#sequence === 0 && this.#cuts.length === 0) {
      this.#presentationStart = (unit.cts * this.#audioRate) / VIDEO_TIMESCALE;
    }
    this.#start = this.#videoBase;
    this.#startsWithKey = unit.key;
  }

  #cutsBefore(unit: VideoUnit, time: number): boolean {
    const length = time - this.#start;
    if (unit.key && !(this.#startsWithKey && length < SHORTEST_SECONDS * VIDEO_TIMESCALE)) return true;
    if (this.#bytes + unit.data.length > FRAGMENT_MAX_BYTES) return true;
    return length + this.#interval > TARGET_SECONDS * VIDEO_TIMESCALE + ROUNDING;
  }

  #cut(end: number, nextKey: boolean): void {
    this.#cuts.push({ start: this.#start, end, key: this.#startsWithKey, video: this.#video });
    this.#video = [];
    this.#bytes = 0;
    this.#start = end;
    this.#startsWithKey = nextKey;
  }

  #endVideo(end: number): void {
    const last = this.#last;
    if (last) {
      last.duration = end - last.time;
      this.#video.push(last);
      this.#last = null;
      this.#cut(end, true);
    }
    this.#send(true);
  }

  #takeAudio(unit: AudioUnit): void {
    if (this.#audioOffset === null) {
      // With video, audio has no place before it.
      if (this.#hasVideo) return;
      this.#audioOffset = (this.#audioEnd ?? 0) - unit.time;
    }
    const begin = unit.time + this.#audioOffset;
    const end = begin + unit.duration;
    // Audio from before the first picture would make the tracks start apart.
    if (this.#audioEnd === null && (begin < 0 || end <= this.#presentationStart)) return;
    const time = this.#audioEnd ?? begin;
    if (end <= time) return;
    this.#audio.push({ time, duration: end - time, data: unit.data });
    this.#audioEnd = end;
    this.#bytes += unit.data.length;
    if (this.#hasVideo) {
      if (this.#cuts.length > 0) this.#send(false);
      return;
    }
    const next = end + this.#frameLength - (this.#audio[0]?.time ?? 0);
    if (next > TARGET_SECONDS * this.#timescale) this.#cutAudioAlone();
  }

  #cutAudioAlone(): void {
    const audio = this.#audio;
    const [first] = audio;
    if (!first || this.#audioEnd === null) return;
    this.#audio = [];
    this.#bytes = 0;
    this.#write([], audio, this.#audioEnd - first.time, true);
  }

  /** Hands out what was cut, in order. `all`: nothing more comes on this clock. */
  #send(all: boolean): void {
    for (;;) {
      const [cut] = this.#cuts;
      if (!cut || !(all || this.#hasAudioUntil(cut.end))) return;
      this.#cuts.shift();
      const audio = all && this.#cuts.length === 0 ? this.#audio.splice(0) : this.#audioUntil(cut.end);
      this.#write(cut.video, audio, cut.end - cut.start, cut.key);
    }
  }

  #hasAudioUntil(end: number): boolean {
    if (!this.#hasAudio) return true;
    if ((this.#audioEnd ?? 0) / this.#audioRate >= end / VIDEO_TIMESCALE) return true;
    return (this.#last?.time ?? 0) - end >= AUDIO_PATIENCE;
  }

  #audioUntil(end: number): Held<FragmentSample>[] {
    const audio = this.#audio;
    let count = 0;
    while (count < audio.length && (audio[count]?.time ?? 0) / this.#audioRate < end / VIDEO_TIMESCALE) count++;
    return audio.splice(0, count);
  }

  #write(video: Held<VideoSample>[], audio: Held<FragmentSample>[], ticks: number, key: boolean): void {
    const [first] = video;
    if (key && first && this.#parameters) first.data = this.#parameters.inFrontOf(first.data);
    const data = writeFragment({
      sequence: ++this.#sequence,
      video: video[0] ? { decodeTime: video[0].time, samples: video } : null,
      audio: audio[0] ? { decodeTime: audio[0].time, samples: audio, usualDuration: this.#frameLength } : null,
    });
    this.#sink({ data, bytes: data.length, ticks, key });
  }
}
