/**
 * The segments of one stream that can be fetched: those in the playlist, the open one, and those removed from it not
 * longer ago than one window (RFC 8216bis section 6.2.2).
 */
import type { Tracks } from "../live/tracks.ts";
import type { Stored } from "./attic.ts";

export type Init = { name: string; data: Buffer; tracks: Tracks };

/** `data` is null when the segment has been put away; `duration` in seconds. */
export type Part = { data: Buffer | null; bytes: number; duration: number; independent: boolean };

export type Segment = {
  epoch: string;
  msn: number;
  init: Init;
  /** EXT-X-DISCONTINUITY precedes it. */
  discontinuity: boolean;
  /** UTC ms, fractional. */
  programDateTime: number;
  parts: Part[];
  /** Seconds, of all parts so far. */
  duration: number;
  bytes: number;
  complete: boolean;
  /** Where its bytes are when they are not in memory. */
  stored: Stored | "storing" | null;
  /** Nobody can ask for it any more. */
  forgotten: boolean;
};

/** Whole segments that stay in memory: players are at the live edge or three target durations behind it. */
const IN_MEMORY = 4;
/** Segments in the playlist; more while they are too short for three target durations. */
const WINDOW = 6;
const MOST_SEGMENTS = 64;

export const segmentName = (segment: Segment) => `${segment.epoch}-${segment.msn}.m4s`;
export const partName = (segment: Segment, part: number) => `${segment.epoch}-${segment.msn}.${part}.m4s`;

export class SegmentWindow {
  /** In the playlist, consecutive; only the last may be incomplete. */
  #listed: Segment[] = [];
  #removed: Segment[] = [];
  #nextMsn: number;
  /** Discontinuity sequence number of the first listed segment. */
  #discontinuitySequence: number;

  constructor(nextMsn: number, discontinuitySequence: number) {
    this.#nextMsn = nextMsn;
    this.#discontinuitySequence = discontinuitySequence;
  }

  get listed(): readonly Segment[] {
    return this.#listed;
  }
  get nextMsn(): number {
    return this.#nextMsn;
  }
  get discontinuitySequence(): number {
    return this.#discontinuitySequence;
  }
  /** Of the newest segment. */
  get newestDiscontinuity(): number {
    return this.#listed.reduce((sum, segment) => sum + Number(segment.discontinuity), this.#discontinuitySequence);
  }
  get open(): Segment | null {
    const last = this.#listed.at(-1);
    return last && !last.complete ? last : null;
  }
  get lastComplete(): Segment | null {
    return this.#listed.findLast((segment) => segment.complete) ?? null;
  }

  add(segment: Pick<Segment, "epoch" | "init" | "discontinuity" | "programDateTime">): Segment {
    const added: Segment = {
      ...segment,
      msn: this.#nextMsn++,
      parts: [],
      duration: 0,
      bytes: 0,
      complete: false,
      stored: null,
      forgotten: false,
    };
    this.#listed.push(added);
    return added;
  }

  /** Removes what is too old. Call when a segment is complete. */
  trim(targetDuration: number): void {
    let duration = this.#listed.reduce((sum, segment) => sum + segment.duration, 0);
    for (;;) {
      const first = this.#listed[0];
      const count = this.#listed.length;
      if (!first || count <= WINDOW) break;
      if (duration - first.duration < 3 * targetDuration && count <= MOST_SEGMENTS) break;
      duration -= first.duration;
      this.#drop(first);
    }
    this.#forget(this.#removed.length - this.#listed.length - 1);
  }

  /** Whole segments in memory that are seldom asked for now. */
  toPutAway(): Segment[] {
    const old = [...this.#removed, ...this.#listed].filter((segment) => segment.complete).slice(0, -IN_MEMORY);
    return old.filter((segment) => segment.stored === null);
  }

  /** Gives everything up. */
  clear(): void {
    while (this.#listed[0]) this.#drop(this.#listed[0]);
    this.#forget(this.#removed.length);
  }

  /** A new broadcast: nothing of the old one stays in the playlist. Numbers go on, at least from the given ones. */
  restart(nextMsn: number, discontinuitySequence: number): void {
    const after = this.#listed.length > 0 ? this.newestDiscontinuity + 1 : this.#discontinuitySequence;
    while (this.#listed[0]) this.#drop(this.#listed[0]);
    this.#forget(this.#removed.length - MOST_SEGMENTS);
    this.#nextMsn = Math.max(this.#nextMsn, nextMsn);
    this.#discontinuitySequence = Math.max(after, discontinuitySequence);
  }

  find(epoch: string, msn: number): Segment | null {
    const segments = msn >= (this.#listed[0]?.msn ?? Number.POSITIVE_INFINITY) ? this.#listed : this.#removed;
    return segments.find((segment) => segment.msn === msn && segment.epoch === epoch) ?? null;
  }

  findInit(name: string): Init | null {
    const holder = [...this.#listed, ...this.#removed].find((segment) => segment.init.name === name);
    return holder?.init ?? null;
  }

  #forget(count: number): void {
    for (const segment of this.#removed.splice(0, Math.max(0, count))) {
      segment.forgotten = true;
      if (segment.stored !== "storing") segment.stored?.release();
    }
  }

  #drop(first: Segment): void {
    this.#listed.shift();
    if (first.discontinuity) this.#discontinuitySequence++;
    this.#removed.push(first);
  }
}
