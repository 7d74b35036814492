/**
 * One viewer's stay at one stream: waits for the publisher, plays, recovers, and waits again.
 *
 *   loading ─ index found ─▶ playing ⇄ buffering ─ ENDLIST played out ─▶ ended ─ live again ─▶ loading
 *      └──── index 404 ────▶ waiting ─ info says live ─▶ loading
 *
 * A publisher who is away for a few seconds is `buffering`, never an end: only ENDLIST or a missing index ends it.
 */
import { backoff, createAttempts, jitter } from "./attempts.ts";
import type { Engine, Failure, OpenEngine } from "./engine.ts";
import type { InfoReply } from "./info.ts";
import { ahead } from "./live-edge.ts";
import type { Phase, Store } from "./state.ts";

const POLL_WAITING_MS = 2_000;
const POLL_HIDDEN_MS = 5_000;
const POLL_PLAYING_MS = 10_000;
/** Live, but its first segment is not there yet: looked at soon, then less and less often. */
const POLL_STARTING_MS = 300;
/** So many failures in a row without an answer, and the viewer is told. */
const UNREACHABLE_AFTER = 4;
/** The media failing more often than this in a minute will not heal by itself. */
const MEDIA_FAILURES = 5;
const MINUTE_MS = 60_000;
/** So many times there was something new while nothing played: the engine has lost its way. */
const STUCK_UPDATES = 12;
/** Further behind than this beyond the live position, the live badge says so. */
const BEHIND_S = 4;
/** ENDLIST came but the element may never say `ended`: looked at so often, and so long when more should be playable. */
const END_CHECK_MS = 250;
const END_PATIENCE_MS = 4_000;
/** Less than this ahead is nothing more to play: audio and video rarely end together. */
const PLAYED_OUT_S = 0.3;

export type SessionOptions = {
  video: HTMLVideoElement;
  store: Store;
  indexUrl: string;
  open: OpenEngine;
  info(): Promise<InfoReply>;
  random?: () => number;
  now?: () => number;
};

export class Session {
  readonly #options: Required<SessionOptions>;
  readonly #closed = new AbortController();
  readonly #mediaFailures;
  #engine: Engine | undefined;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ending: ReturnType<typeof setTimeout> | undefined;
  #unanswered = 0;
  #networkFailures = 0;
  /** How often the index was missing although the stream is live. */
  #early = 0;
  #stuckUpdates = 0;
  /** The engine has enough to begin. */
  #ready = false;
  /** False only after the viewer paused. */
  #wantsToPlay = true;

  constructor(options: SessionOptions) {
    this.#options = { random: Math.random, now: () => performance.now(), ...options };
    this.#mediaFailures = createAttempts(MINUTE_MS, this.#options.now);
  }

  start(): void {
    this.#followElement();
    const ask = () => void this.#ask();
    document.addEventListener("visibilitychange", () => !document.hidden && ask(), this.#listening);
    addEventListener("online", ask, this.#listening);
    this.#attach();
    ask();
  }

  destroy(): void {
    this.#closed.abort();
    clearTimeout(this.#poll);
    this.#detach();
  }

  /** The viewer asks again after an error. */
  retry(): void {
    this.#mediaFailures.reset();
    this.#networkFailures = 0;
    this.#unanswered = 0;
    this.#store.set({ phase: "loading", problem: null });
    this.#attach();
    void this.#ask();
  }

  play(): void {
    this.#wantsToPlay = true;
    void this.#play();
  }

  pause(): void {
    this.#wantsToPlay = false;
    this.#video.pause();
  }

  toLive(): void {
    this.#engine?.toLive();
    this.play();
  }

  setQuality(index: number): void {
    this.#engine?.setQuality(index);
    this.#store.set({ quality: index });
  }

  get #video(): HTMLVideoElement {
    return this.#options.video;
  }
  get #store(): Store {
    return this.#options.store;
  }
  get #phase(): Phase {
    return this.#store.get().phase;
  }
  get #listening(): AddEventListenerOptions {
    return { signal: this.#closed.signal };
  }

  // ── The engine

  #attach(): void {
    if (this.#closed.signal.aborted) return;
    this.#detach();
    let joined = false;
    this.#engine = this.#options.open(this.#video, this.#options.indexUrl, {
      qualities: (qualities) => this.#store.set({ qualities, quality: -1 }),
      ready: () => {
        this.#ready = true;
        if (this.#wantsToPlay) void this.#play();
      },
      audioOnly: (audioOnly) => this.#store.set({ audioOnly }),
      live: (live) => {
        // The playlist of a broadcast that is over stays for a minute: nothing to join.
        if (!live && !joined) return this.#end();
        joined = true;
        this.#early = 0;
        this.#unanswered = 0;
        this.#networkFailures = 0;
        this.#store.set({ live });
        if (!live) this.#endSoon();
        else this.#noticeStuck();
      },
      failed: (failure) => this.#failed(failure),
    });
  }

  #noticeStuck(): void {
    const waits = this.#phase === "buffering" && !this.#video.paused;
    this.#stuckUpdates = waits ? this.#stuckUpdates + 1 : 0;
    if (this.#stuckUpdates < STUCK_UPDATES) return;
    this.#engine?.destroy();
    this.#failed("media");
  }

  #detach(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#ending);
    this.#stuckUpdates = 0;
    this.#ready = false;
    this.#engine?.destroy();
    this.#engine = undefined;
    this.#store.set({ live: false, behind: 0, qualities: [], audioOnly: false, paused: this.#video.paused });
  }

  #failed(failure: Failure): void {
    this.#engine = undefined;
    this.#store.set({ live: false, behind: 0 });
    switch (failure) {
      case "gone":
        this.#detach();
        this.#store.set({ phase: this.#phase === "ended" ? "ended" : "waiting", problem: null });
        this.#early = this.#store.get().info?.is_live === 1 ? this.#early + 1 : 0;
        this.#schedule();
        return;
      case "refused":
        this.#refused();
        return;
      case "media":
        if (this.#mediaFailures.note() > MEDIA_FAILURES) this.#store.set({ phase: "error", problem: "media" });
        else this.#attachSoon();
        return;
      case "network":
        this.#attachSoon();
        return;
    }
  }

  /** Tries again with a fresh index; `unreachable` is shown after a few tries, which go on behind it. */
  #attachSoon(): void {
    this.#networkFailures += 1;
    const played = this.#phase === "playing" || this.#phase === "buffering";
    if (this.#networkFailures > UNREACHABLE_AFTER) this.#store.set({ phase: "error", problem: "unreachable" });
    else this.#store.set({ phase: played ? "buffering" : "loading" });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#attach(), backoff(this.#networkFailures, this.#options.random));
  }

  #refused(): void {
    this.#detach();
    clearTimeout(this.#poll);
    this.#store.set({ phase: "error", problem: "refused" });
  }

  #end(): void {
    this.#detach();
    this.#store.set({ phase: "ended", problem: null });
    void this.#ask();
  }

  #endSoon(): void {
    clearTimeout(this.#ending);
    let stalledMs = 0;
    const check = () => {
      stalledMs = this.#phase === "buffering" ? stalledMs + END_CHECK_MS : 0;
      const playedOut = stalledMs > 0 && ahead(this.#video, this.#video.currentTime) < PLAYED_OUT_S;
      if (playedOut || stalledMs >= END_PATIENCE_MS) this.#end();
      else this.#ending = setTimeout(check, END_CHECK_MS);
    };
    check();
  }

  // ── The element

  #followElement(): void {
    const { store } = this.#options;
    const video = this.#video;
    const on = (type: string, listener: () => void) => video.addEventListener(type, listener, this.#listening);
    const sound = () => store.set({ muted: video.muted, volume: video.volume });
    sound();
    on("volumechange", () => {
      sound();
      if (!video.muted) store.set({ mutedByBrowser: false });
    });
    // hls.js may begin a new media source by itself (a track was added): the element then waits for a word.
    on("loadedmetadata", () => this.#ready && this.#wantsToPlay && void this.#play());
    on("play", () => store.set({ paused: false, blocked: false }));
    on("pause", () => store.set({ paused: true }));
    on("playing", () => this.#engine && store.set({ phase: "playing", problem: null }));
    on("waiting", () => this.#phase === "playing" && store.set({ phase: "buffering", behind: 0 }));
    on("timeupdate", () => {
      const position = this.#engine?.livePosition() ?? null;
      const behind = position !== null && store.get().live ? position - video.currentTime : 0;
      store.set({ behind: behind > BEHIND_S ? Math.round(behind) : 0 });
    });
    on("resize", () => store.set({ audioOnly: video.videoWidth === 0 && store.get().audioOnly }));
    on("ended", () => this.#engine && this.#end());
  }

  /** Plays with sound where the browser lets it, muted where it does not, and else asks for a click. */
  async #play(): Promise<void> {
    const video = this.#video;
    const attempt = async () => {
      try {
        await video.play();
        return true;
      } catch (error) {
        // AbortError: a load or a pause came in between, which has its own course.
        return !(error instanceof DOMException && error.name === "NotAllowedError");
      }
    };
    if (await attempt()) return;
    if (!video.muted) {
      video.muted = true;
      this.#store.set({ mutedByBrowser: true });
      if (await attempt()) return;
    }
    this.#store.set({ blocked: true });
  }

  // ── What the API says

  #schedule(): void {
    clearTimeout(this.#poll);
    if (this.#closed.signal.aborted) return;
    const idle = this.#phase !== "playing" && this.#phase !== "buffering";
    const waiting = this.#early === 0 ? POLL_WAITING_MS : Math.min(POLL_WAITING_MS, POLL_STARTING_MS * this.#early);
    const visible = idle ? waiting : POLL_PLAYING_MS;
    const delay = document.hidden ? Math.max(visible, POLL_HIDDEN_MS) : visible;
    this.#poll = setTimeout(() => void this.#ask(), jitter(delay, this.#options.random));
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#poll);
    const reply = await this.#options.info();
    if (this.#closed.signal.aborted) return;
    const phase = this.#phase;
    if (reply.kind === "refused") return this.#refused();
    if (reply.kind === "unreachable") {
      this.#unanswered += 1;
      const idle = phase === "waiting" || phase === "ended";
      if (idle && this.#unanswered >= UNREACHABLE_AFTER) this.#store.set({ phase: "error", problem: "unreachable" });
    } else {
      this.#unanswered = 0;
      this.#store.set({ info: reply.info });
      const came = reply.info.is_live === 1 && (phase === "waiting" || phase === "ended");
      const back = phase === "error" && this.#store.get().problem === "unreachable";
      // An engine that is there is on its way already.
      if ((came || back) && !this.#engine) this.#attach();
    }
    this.#schedule();
  }
}
