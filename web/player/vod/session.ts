/**
 * One viewer's stay at one recording: loads when asked to, plays, recovers at the same place, remembers where it was.
 *
 *   poster ─ play or seek ─▶ loading ─▶ playing ⇄ buffering ─▶ ended ─ play or seek ─▶ playing
 *                               └────── failures ──────▶ error ─ retry ─▶ loading
 */
import { backoff, createAttempts } from "../attempts.ts";
import type { Failure } from "../engine.ts";
import { ahead } from "../live-edge.ts";
import type { Store } from "../store.ts";
import type { OpenVod, Stretch, VodEngine } from "./engine.ts";
import { followElement } from "./follow-element.ts";
import type { VodState } from "./state.ts";
import { clamp, stretchAt } from "./timeline.ts";

/** So many failures in a row without an answer, and the viewer is told. */
const UNREACHABLE_AFTER = 2;
/** The media failing more often than this in a minute will not heal by itself. */
const MEDIA_FAILURES = 5;
/** An address that is refused again within a minute of being renewed is no matter of age. */
const RENEWALS = 1;
const MINUTE_MS = 60_000;
/** Less than this ahead is nothing more to play: audio and video rarely end together. */
const PLAYED_OUT_S = 0.3;
/** Lands behind the seam, however its place was rounded. */
const SEAM_INSIDE_S = 0.05;
/** How exactly a start is met. */
const START_TOLERANCE_S = 0.3;
const KEEP_EVERY_S = 5;
/** Chosen to end up on the last picture and not beyond it. */
const LAST_PICTURE_S = 0.1;

export type VodSessionOptions = {
  video: HTMLVideoElement;
  store: Store<VodState>;
  url: string;
  /** Where a track comes or goes, in seconds. */
  seams: readonly number[];
  open: OpenVod;
  /** A fresh address, null when the recording is gone. Throws without an answer. */
  renew(): Promise<string | null>;
  /** Takes down where the viewer is, every few seconds and at each stop. */
  keep(seconds: number): void;
  random?: () => number;
  now?: () => number;
};

export class VodSession {
  readonly #options: Required<VodSessionOptions>;
  readonly #closed = new AbortController();
  readonly #mediaFailures;
  readonly #renewals;
  #url: string;
  #engine: VodEngine | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #networkFailures = 0;
  /** The element is where it should be, and what it says counts. */
  #ready = false;
  /** Where to begin once it is. */
  #at = 0;
  #wantsToPlay = false;
  #kept = 0;
  #stretch: Stretch = { at: 0, from: 0, to: Number.POSITIVE_INFINITY };
  /** Nothing more comes before the next seam. */
  #exhausted = false;

  constructor(options: VodSessionOptions) {
    this.#options = { random: Math.random, now: () => performance.now(), ...options };
    this.#url = options.url;
    this.#mediaFailures = createAttempts(MINUTE_MS, this.#options.now);
    this.#renewals = createAttempts(MINUTE_MS, this.#options.now);
  }

  /** `at`: seconds. Without `autoplay` nothing is loaded before the viewer asks for it. */
  start({ at, autoplay }: { at: number; autoplay: boolean }): void {
    this.#at = at;
    this.#store.set({ time: at });
    this.#followElement();
    addEventListener("pagehide", () => this.#keep(), { signal: this.#closed.signal });
    if (autoplay) this.play();
  }

  destroy(): void {
    this.#keep();
    this.#closed.abort();
    this.#detach();
  }

  play(): void {
    this.#wantsToPlay = true;
    const { phase } = this.#store.get();
    if (phase === "poster") this.#attach();
    else if (phase === "ended") this.#seekElement(0);
    if (this.#ready) void this.#play();
  }

  pause(): void {
    this.#wantsToPlay = false;
    this.#video.pause();
  }

  seekTo(seconds: number): void {
    const { phase, duration } = this.#store.get();
    const to = clamp(seconds, 0, Math.max(0, duration - LAST_PICTURE_S));
    this.#store.set({ time: to, resumedAt: null });
    if (phase === "poster") {
      this.#at = to;
      this.play();
      return;
    }
    this.#seekElement(to);
    if (phase === "ended") {
      this.#wantsToPlay = true;
      void this.#play();
    }
  }

  setQuality(index: number): void {
    this.#engine?.setQuality(index);
    this.#store.set({ quality: index });
  }

  setSpeed(speed: number): void {
    // Loading anew falls back to the default.
    this.#video.defaultPlaybackRate = speed;
    this.#video.playbackRate = speed;
    this.#store.set({ speed });
  }

  /** The viewer asks again after an error. */
  retry(): void {
    this.#mediaFailures.reset();
    this.#renewals.reset();
    this.#networkFailures = 0;
    this.#wantsToPlay = true;
    this.#attach();
  }

  get #video(): HTMLVideoElement {
    return this.#options.video;
  }
  get #store(): Store<VodState> {
    return this.#options.store;
  }

  // ── The engine

  #attach(): void {
    if (this.#closed.signal.aborted) return;
    this.#detach();
    const played = ["playing", "buffering"].includes(this.#store.get().phase);
    this.#store.set({ phase: played ? "buffering" : "loading", problem: null });
    this.#stretch = { at: this.#at, ...stretchAt(this.#options.seams, this.#at) };
    this.#engine = this.#options.open(this.#video, this.#url, this.#stretch, {
      qualities: (qualities) => this.#store.set({ qualities, quality: -1 }),
      audioOnly: (audioOnly) => this.#store.set({ audioOnly }),
      exhausted: () => {
        this.#exhausted = true;
        if (this.#store.get().phase === "buffering") this.#passSeam();
      },
      failed: (failure) => this.#failed(failure),
    });
  }

  #detach(): void {
    clearTimeout(this.#retry);
    // Not what the element says: an engine that failed has left it already.
    if (this.#ready) this.#at = this.#store.get().time;
    this.#ready = false;
    this.#exhausted = false;
    this.#engine?.destroy();
    this.#engine = undefined;
  }

  #failed(failure: Failure): void {
    this.#detach();
    switch (failure) {
      case "gone":
      case "refused":
        void this.#renew();
        return;
      case "media":
        if (this.#mediaFailures.note() > MEDIA_FAILURES) this.#store.set({ phase: "error", problem: "media" });
        else this.#attach();
        return;
      case "network":
        this.#attachSoon();
        return;
    }
  }

  /** The address of a private recording runs out; a deleted one has none any more. */
  async #renew(): Promise<void> {
    if (this.#renewals.note() > RENEWALS) return this.#gone();
    try {
      const url = await this.#options.renew();
      if (url === null) return this.#gone();
      this.#url = url;
      this.#attach();
    } catch {
      this.#renewals.reset();
      this.#attachSoon();
    }
  }

  #gone(): void {
    this.#store.set({ phase: "error", problem: "gone" });
  }

  #attachSoon(): void {
    if (this.#closed.signal.aborted) return;
    this.#networkFailures += 1;
    if (this.#networkFailures > UNREACHABLE_AFTER) this.#store.set({ phase: "error", problem: "unreachable" });
    clearTimeout(this.#retry);
    const told = this.#store.get().problem;
    this.#retry = setTimeout(
      () => {
        this.#attach();
        // Tried again behind the words, until something plays.
        if (told) this.#store.set({ phase: "error", problem: told });
      },
      backoff(this.#networkFailures, this.#options.random),
    );
  }

  /** On the other side other tracks play, which takes a media source of its own. */
  #passSeam(): void {
    const { to } = this.#stretch;
    if (!this.#exhausted || this.#video.seeking || !Number.isFinite(to)) return;
    if (ahead(this.#video, this.#video.currentTime) > PLAYED_OUT_S) return;
    this.#moveTo(to + SEAM_INSIDE_S);
  }

  #moveTo(at: number): void {
    this.#store.set({ time: at });
    this.#detach();
    this.#at = at;
    this.#attach();
  }

  // ── The element

  #seekElement(to: number): void {
    const { from, to: end } = this.#stretch;
    if (this.#engine && (to < from || to >= end)) this.#moveTo(to);
    else if (this.#ready) this.#video.currentTime = to;
    else this.#at = to;
  }

  #followElement(): void {
    const video = this.#video;
    followElement(
      video,
      this.#store,
      {
        ready: () => this.#ready,
        metadata: () => this.#begin(),
        plays: () => this.#plays(),
        waits: (dry) => {
          this.#waits();
          if (dry) this.#passSeam();
        },
        moved: () => {
          if (Math.abs(video.currentTime - this.#kept) >= KEEP_EVERY_S) this.#keep();
        },
        paused: () => this.#keep(),
        ended: () => {
          this.#wantsToPlay = false;
          this.#options.keep(video.duration);
        },
      },
      this.#closed.signal,
    );
  }

  #begin(): void {
    const video = this.#video;
    // hls.js begins a media source anew by itself at times; then it is where it was.
    if (!this.#ready && Math.abs(video.currentTime - this.#at) > START_TOLERANCE_S) video.currentTime = this.#at;
    this.#ready = true;
    if (this.#wantsToPlay) void this.#play();
    else this.#store.set({ phase: "playing", problem: null });
  }

  #plays(): void {
    this.#networkFailures = 0;
    if (this.#video.ended) return;
    this.#store.set({ phase: "playing", problem: null });
  }

  #waits(): void {
    const { phase } = this.#store.get();
    if (phase === "playing" || phase === "ended") this.#store.set({ phase: "buffering" });
  }

  #keep(): void {
    if (!this.#ready || this.#video.ended) return;
    this.#kept = this.#video.currentTime;
    this.#options.keep(this.#kept);
  }

  /** A recording waits for the viewer rather than playing without its sound. */
  async #play(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      // AbortError: a load or a pause came in between, which has its own course.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#store.set({ blocked: true });
    }
  }
}
