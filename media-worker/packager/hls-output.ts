/**
 * One stream as HLS and LL-HLS: a reader of the hub that keeps a window of segments and the texts of its playlists.
 * It outlives publish sessions: a publisher that comes back goes on in the same playlist with a discontinuity, until
 * `finish` has written ENDLIST; after that the next one begins anew, with numbers that go on.
 */
import { gzipSync } from "node:zlib";
import type { PublishGrant } from "#contract/media";
import type { StreamReader, TimedUnit } from "../live/reader.ts";
import type { Tracks } from "../live/tracks.ts";
import type { Attic } from "./attic.ts";
import { averageBandwidth, peakBandwidth } from "./bandwidth.ts";
import { Changes } from "./changes.ts";
import { countedFrameRate } from "./frame-rate.ts";
import { initSegment } from "./init-segment.ts";
import { Pace } from "./pace.ts";
import { mediaPlaylist, multivariantPlaylist } from "./playlist.ts";
import { bytesOf, type FoundMedia, putAway } from "./segment-bytes.ts";
import { type FinishedPart, Segmenter } from "./segmenter.ts";
import { type Init, partName, type Segment, SegmentWindow } from "./window.ts";

/** A playlist, plain and compressed; built once per change, whoever asks. */
export type PlaylistText = { plain: Buffer; gzip: Buffer };

/** `pending`: the part that comes next. */
export type Media = FoundMedia | { found: "pending" } | { found: "nothing" };

const MEDIA_NAME = /^([A-Za-z0-9_]+)-(\d{1,15})(?:\.(\d{1,6}))?\.m4s$/;
/**
 * Not 0: hls.js 1.7.4 takes number 0 for none where it looks whether a segment is still buffered, and then loads the
 * parts of the first segment over and over, which costs viewers the frames that depend on them.
 */
const FIRST_MSN = 1;
/** Up to this much between the end of one timeline and the begin of the next is jitter, not a pause. */
const SEAM_MS = 250;
const NOTHING: Media = { found: "nothing" };

type Publish = Pick<PublishGrant, "epoch" | "first_msn" | "discontinuity_sequence" | "last_target_duration_s">;

export class HlsOutput implements StreamReader {
  readonly #partTarget: number;
  readonly #attic: Attic | null;
  /** Told when there is a new part or segment, and at the end. */
  readonly changes = new Changes();
  #pace: Pace;
  #window: SegmentWindow;
  #segmenter: Segmenter | null = null;
  #ended = false;
  #moved = false;
  /** False once a segment had to begin without an IDR picture. */
  #independent = true;
  #peak = 0;
  #epoch = "";
  #inits = 0;
  #sequence = 0;
  #init: Init | null = null;
  /** Of the next segment. */
  #discontinuity = false;
  #startsAt = 0;
  #frames = 0;
  #frameRate: number | null = null;
  #texts: { media?: PlaylistText; multivariant?: PlaylistText } = {};

  /** `partMs`: target of a part. Without an attic, everything stays in memory. */
  constructor(partMs: number, attic: Attic | null) {
    this.#partTarget = partMs / 1000;
    this.#attic = attic;
    this.#pace = new Pace(this.#partTarget, null);
    this.#window = new SegmentWindow(FIRST_MSN, 0);
  }

  // As a reader of the hub

  session(grant: Publish): void {
    const continues = !this.#ended && !this.#moved && this.#window.listed.length > 0;
    if (continues) this.#pace.expect(grant.last_target_duration_s);
    else {
      this.#window.restart(Math.max(grant.first_msn, FIRST_MSN), grant.discontinuity_sequence);
      this.#pace = new Pace(this.#partTarget, grant.last_target_duration_s);
      this.#ended = false;
      this.#moved = false;
      this.#independent = true;
      this.#peak = 0;
    }
    this.#discontinuity = continues;
    this.#epoch = grant.epoch;
    this.#inits = 0;
    this.#changed();
  }

  timeline(tracks: Tracks, at: number): void {
    if (this.#segmenter) {
      this.#segmenter.flush();
      this.#discontinuity = this.#window.listed.length > 0;
    }
    const name = `${this.#epoch}-init${this.#inits++}.mp4`;
    this.#init = { name, data: initSegment(tracks), tracks };
    this.#startsAt = at;
    this.#frames = 0;
    this.#frameRate = tracks.video?.frameRate ?? null;
    this.#segmenter = new Segmenter(tracks, this.#pace, {
      part: (part) => this.#addPart(part),
      segment: (keyed) => this.#completeSegment(keyed),
      gap: (seconds) => {
        this.#discontinuity = true;
        this.#startsAt = this.#endsAt(at) + seconds * 1000;
      },
      nextSequence: () => ++this.#sequence,
    });
  }

  unit(unit: TimedUnit): void {
    this.#segmenter?.unit(unit);
  }

  end(): void {
    this.#segmenter?.flush();
    this.#segmenter = null;
    this.#changed();
  }

  /** No publisher will go on here: the playlist is final. */
  finish(): void {
    this.end();
    this.#ended = true;
    this.#changed();
  }

  /** The final playlist has been there long enough. */
  expire(): void {
    this.#window.clear();
    this.#window = new SegmentWindow(this.#window.nextMsn, this.#window.newestDiscontinuity + 1);
    this.#init = null;
    this.#changed();
  }

  /** Nobody will ask for anything any more. */
  async close(): Promise<void> {
    this.#window.clear();
    await this.#attic?.close();
  }

  /** The stream goes on at another media worker: whoever publishes here next does not continue this playlist. */
  moved(): void {
    this.#moved = true;
  }

  // What is known of it

  /** There is a whole segment: players can start. */
  get playable(): boolean {
    return this.#window.lastComplete !== null;
  }
  /** There is a part: low-latency players can begin to fetch. */
  get #shown(): boolean {
    return this.#window.listed.length > 0;
  }
  /** Media comes in, but there is no whole segment yet. */
  get starting(): boolean {
    return this.#segmenter !== null && !this.playable;
  }
  get ended(): boolean {
    return this.#ended;
  }
  get nextMsn(): number {
    return this.#window.nextMsn;
  }
  get discontinuitySequence(): number {
    return this.#window.newestDiscontinuity;
  }
  /** Length of the longest GOP, in seconds; what it was last time until one is seen. */
  get gop(): number {
    return this.#pace.gop;
  }
  /** TARGETDURATION, or what it will most likely be. */
  get target(): number {
    return this.#pace.target ?? 2;
  }
  get partTarget(): number {
    return this.#pace.partTarget;
  }

  // For the play server

  /** Null until there is a part. Players that do not ask for a part by number need a whole segment: `playable`. */
  get media(): PlaylistText | null {
    if (!this.#shown) return null;
    this.#texts.media ??= compress(
      mediaPlaylist({
        segments: this.#window.listed,
        discontinuitySequence: this.#window.discontinuitySequence,
        target: this.target,
        partTarget: this.partTarget,
        independentSegments: this.#independent,
        ended: this.#ended,
        breaks: !this.#ended && !this.#window.open && (this.#discontinuity || this.#segmenter === null),
        hint: this.#segmenter && this.#hint(),
      }),
    );
    return this.#texts.media;
  }

  /** Null until there is a part. */
  get multivariant(): PlaylistText | null {
    if (!this.#shown) return null;
    const segments = this.#window.listed;
    this.#texts.multivariant ??= compress(
      multivariantPlaylist({
        segments,
        bandwidth: Math.max(this.#peak, averageBandwidth(segments)),
        averageBandwidth: averageBandwidth(segments),
        frameRate: this.#frameRate,
        independentSegments: this.#independent,
      }),
    );
    return this.#texts.multivariant;
  }

  find(name: string): Media {
    const init = this.#init?.name === name ? this.#init : this.#window.findInit(name);
    if (init) return { found: "data", data: [init.data], audioOnly: init.tracks.video === null };
    const match = MEDIA_NAME.exec(name);
    if (!match) return NOTHING;
    const [, epoch = "", msn, part] = match;
    const segment = this.#window.find(epoch, Number(msn));
    if (!segment) return this.#isHinted(name) ? { found: "pending" } : NOTHING;
    if (part === undefined) return (segment.complete && bytesOf(segment, 0, segment.parts.length)) || NOTHING;
    if (Number(part) < segment.parts.length) return bytesOf(segment, Number(part), 1) ?? NOTHING;
    return this.#isHinted(name) ? { found: "pending" } : NOTHING;
  }

  /**
   * Where a blocking reload stands (RFC 8216bis section 6.2.5.2). `part` undefined: the whole segment. `too_far`:
   * beyond anything that the next playlists could hold.
   */
  reach(msn: number, part: number | undefined): "there" | "ahead" | "too_far" {
    const open = this.#window.open;
    const last = open ? open.msn - 1 : this.#window.nextMsn - 1;
    if (this.#ended || msn < last) return "there";
    if (msn === last) {
      // A part beyond a segment's last one stands for the first of the next segment.
      const complete = this.#window.lastComplete;
      return part === undefined || !complete || part < complete.parts.length ? "there" : this.reach(msn + 1, 0);
    }
    if (msn > last + 2) return "too_far";
    if (part === undefined) return "ahead";
    const parts = open && msn === open.msn ? open.parts.length : 0;
    // The advance part limit (same section).
    if (part >= parts + Math.max(3, Math.ceil(3 / this.partTarget))) return "too_far";
    return part < parts ? "there" : "ahead";
  }

  #addPart(part: FinishedPart): void {
    const segment = this.#window.open ?? this.#openSegment();
    if (!segment) return;
    const { data, duration, independent, frames } = part;
    segment.parts.push({ data, duration, independent, bytes: data.length });
    this.#frames += frames;
    segment.duration += part.duration;
    segment.bytes += part.data.length;
    this.#changed();
  }

  #openSegment(): Segment | null {
    if (!this.#init) return null;
    const before = this.#window.listed.at(-1);
    const follows = before?.init === this.#init && !this.#discontinuity;
    const segment = this.#window.add({
      epoch: this.#epoch,
      init: this.#init,
      discontinuity: this.#discontinuity,
      programDateTime: follows ? this.#endsAt(this.#startsAt) : this.#beginsAt(),
    });
    this.#discontinuity = false;
    return segment;
  }

  /** UTC ms at which the newest segment ends; `otherwise` when there is none. */
  #endsAt(otherwise: number): number {
    const newest = this.#window.listed.at(-1);
    return newest ? newest.programDateTime + newest.duration * 1000 : otherwise;
  }

  /** Of a segment after a discontinuity: the clock's time, but never before the end of what came before. */
  #beginsAt(): number {
    const end = this.#endsAt(this.#startsAt);
    return this.#startsAt - end > SEAM_MS ? this.#startsAt : end;
  }

  #completeSegment(keyed: boolean): void {
    const segment = this.#window.open;
    if (!segment) return;
    segment.complete = true;
    if (!keyed) this.#independent = false;
    if (segment.init.tracks.video && this.#frameRate === null) {
      this.#frameRate = countedFrameRate(this.#frames, segment.duration);
    }
    this.#frames = 0;
    this.#window.trim(this.target);
    this.#peak = peakBandwidth(this.#window.listed, this.target, this.#peak);
    if (this.#attic) for (const old of this.#window.toPutAway()) void putAway(old, this.#attic);
    this.#changed();
  }

  #hint(): string | null {
    if (!this.#segmenter) return null;
    const open = this.#window.open;
    return open ? partName(open, open.parts.length) : `${this.#epoch}-${this.#window.nextMsn}.0.m4s`;
  }

  #isHinted(name: string): boolean {
    return !this.#ended && name === this.#hint();
  }

  #changed(): void {
    this.#texts = {};
    this.changes.tell();
  }
}

function compress(text: string): PlaylistText {
  const plain = Buffer.from(text);
  return { plain, gzip: gzipSync(plain, { level: 1 }) };
}
