/**
 * Where to cut: target durations, fixed for the life of a playlist, and the lengths of GOPs, which decide them.
 * All in seconds. A segment ends at an IDR picture when the next one would come too late for the target duration;
 * without one it is cut at the limit.
 */

const SHORTEST_TARGET = 2;
const LONGEST_TARGET = 6;
/** EXTINF rounded must not exceed the target duration (RFC 8216bis section 4.4.3.1): below half a second of excess. */
const EXCESS = 0.4;
/** Of PART-TARGET (RFC 8216bis section 4.4.4.9). */
export const SHORTEST_PART = 0.85;
/** The first segment of a playlist ends early, because players start only when there is a whole one. */
const FIRST_SEGMENT = 0.995;
const FIRST_SEGMENT_AT_KEY = 0.85;
const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
const REMEMBERED_GOPS = 4;
const LONGEST_GOP = 60;
/** Times are exact to a tick; this absorbs the division by the timescale. */
const EPSILON = 1e-6;

export type CutQuestion = {
  /** Of the open segment, if it ended here. */
  duration: number;
  bytes: number;
  /** The next sample is an IDR picture. */
  key: boolean;
  /** How far apart samples are at the moment. */
  interval: number;
  /** Since the last IDR picture. */
  sinceKey: number;
};

export class Pace {
  /** TARGETDURATION, a whole number; null until there is a part. */
  target: number | null = null;
  /** PART-TARGET: every part but a segment's last lasts `SHORTEST_PART` of it at least. */
  partTarget: number;
  /** GOP length the stream had last time. */
  #expected: number | null;
  #gops: number[] = [];
  /** Length so far of a GOP that is longer than a segment. */
  #unfinished = 0;
  #partsStarted = false;
  #firstSegmentDone = false;

  constructor(partTarget: number, expectedGop: number | null) {
    this.partTarget = partTarget;
    this.#expected = expectedGop;
  }

  /** What no segment may last longer than. */
  get limit(): number {
    return (this.target ?? SHORTEST_TARGET) + EXCESS;
  }

  /** The longest of the last GOPs: the target duration of the next broadcast depends on it. */
  get gop(): number {
    const seen = Math.min(LONGEST_GOP, Math.max(this.#unfinished, ...this.#gops));
    return Math.round(1000 * (seen || this.#expected || this.target || SHORTEST_TARGET)) / 1000;
  }

  /** Every sample lasts so long: parts become the smallest multiple of it that lets them be full, if that is needed. */
  fitParts(sample: number): void {
    const full = Math.floor(this.partTarget / sample + EPSILON) * sample;
    if (!this.#partsStarted && full < SHORTEST_PART * this.partTarget) {
      this.partTarget = Math.ceil(this.partTarget / sample) * sample;
    }
  }

  /** Somebody may have seen the first part: from here on the target durations stand. */
  partsStarted(video: boolean): void {
    this.#partsStarted = true;
    const gop = video ? Math.max(this.#expected ?? 0, ...this.#gops) : 0;
    this.target ??= Math.min(LONGEST_TARGET, Math.max(SHORTEST_TARGET, Math.round(gop + 0.25)));
  }

  segmentDone(): void {
    this.#firstSegmentDone = true;
  }

  /** A new publisher in the same playlist. */
  expect(gop: number | null): void {
    this.#expected = gop ?? this.#expected;
    this.#gops = [];
  }

  /** Two IDR pictures were so far apart. */
  sawGop(length: number): void {
    this.#gops = [length, ...this.#gops].slice(0, REMEMBERED_GOPS);
    this.#unfinished = 0;
  }

  /** Frames come more rarely than parts should: parts get as long, as long as there is none yet. */
  widenParts(interval: number): void {
    if (!this.#partsStarted) this.partTarget = Math.min(LONGEST_TARGET / 3, Math.max(this.partTarget, interval));
  }

  cutHere({ duration, bytes, key, interval, sinceKey }: CutQuestion): boolean {
    if (bytes >= MAX_SEGMENT_BYTES) return true;
    if (this.target === null || !this.#firstSegmentDone) {
      return duration >= (key ? FIRST_SEGMENT_AT_KEY : FIRST_SEGMENT);
    }
    const gop = Math.max(sinceKey, ...this.#gops);
    if (key) return duration + gop > this.limit;
    const late = Math.max(gop, this.#gops.length > 0 ? 0 : (this.#expected ?? 0)) > this.limit;
    // An IDR picture may be just a little late. When none is to be expected, the target itself is the better place.
    if (late) this.#unfinished = sinceKey;
    return duration >= (late ? this.target : this.limit) - EPSILON || duration + interval > this.limit + EPSILON;
  }

  /** For audio alone: any frame will do. */
  cutAudioHere(duration: number, bytes: number, interval: number): boolean {
    const aim = this.#firstSegmentDone ? (this.target ?? SHORTEST_TARGET) : FIRST_SEGMENT;
    return bytes >= MAX_SEGMENT_BYTES || duration + interval / 2 >= aim;
  }
}
