/**
 * The player: mounted into an element, by the watch page and by the embed alike.
 *
 * Its root tells its state in attributes, for styles and tests: `data-state` (loading | waiting | playing | buffering |
 * ended | error), `data-live` (true: there is a live edge), `data-behind` (true: playback is behind it), `data-paused`,
 * `data-audio-only`, `data-problem`.
 */
import { createControls } from "./controls.ts";
import { element } from "./dom.ts";
import type { OpenEngine } from "./engine.ts";
import { hlsSupported, openHls } from "./hls-engine.ts";
import { loadInfo } from "./info.ts";
import { keyAction } from "./keyboard.ts";
import { nativeSupported, openNative } from "./native-engine.ts";
import { loadVolume, saveVolume } from "./preferences.ts";
import { createScreens } from "./screens.ts";
import { Session } from "./session.ts";
import { createStore, type Listener, type PlayerState } from "./state.ts";

const IDLE_MS = 2_500;

export type PlayerOptions = {
  /** A `pub_` key. */
  streamKey: string;
  /** Names the player for those who do not see it. */
  label: string;
};

export type Player = {
  subscribe(listener: Listener): () => void;
  destroy(): void;
};

export function mountPlayer(host: HTMLElement, { streamKey, label }: PlayerOptions): Player {
  const closed = new AbortController();
  const store = createStore();
  const video = element("video", { playsinline: true, preload: "auto", tabindex: "-1" });
  Object.assign(video, loadVolume());
  const root = element(
    "div",
    { class: "sl-player", role: "region", "aria-label": `Player: ${label}`, tabindex: "0" },
    video,
  );

  const base = `/api/stream/${encodeURIComponent(streamKey)}`;
  const open = engineFor(video);
  const session = new Session({
    video,
    store,
    indexUrl: new URL(`${base}/hls/index.m3u8`, location.href).href,
    open: open ?? openNothing,
    info: () => loadInfo(`${base}/info`),
  });

  const actions = {
    togglePlay: () => (store.get().paused ? session.play() : session.pause()),
    toggleMute: () => setVolume(video.volume || 0.5, !video.muted && video.volume > 0),
    setVolume: (volume: number) => setVolume(volume, false),
    changeVolume: (by: number) => setVolume(video.volume + by, false),
    toLive: () => session.toLive(),
    seek: (seconds: number) => seek(video, seconds),
    setQuality: (index: number) => session.setQuality(index),
    toggleFullscreen: () => void toggleFullscreen(root, video),
    togglePip: () => void togglePip(video),
  };
  const setVolume = (volume: number, muted: boolean) => {
    video.volume = Math.min(1, Math.max(0, volume));
    video.muted = muted;
    saveVolume(video.volume, muted);
  };

  const parts = [
    ...createScreens({ retry: () => session.retry(), play: () => session.play(), unmute: actions.toggleMute }),
    createControls(actions, {
      fullscreen: fullscreenSupported(video),
      pip: document.pictureInPictureEnabled ?? false,
      signal: closed.signal,
    }),
  ];
  root.append(...parts.map((part) => part.node));
  host.replaceChildren(root);
  store.subscribe((state) => {
    reflect(root, state);
    for (const part of parts) part.update(state);
  });

  video.addEventListener("click", actions.togglePlay, { signal: closed.signal });
  video.addEventListener("dblclick", actions.toggleFullscreen, { signal: closed.signal });
  document.addEventListener(
    "keydown",
    (event) => {
      const act = keyAction(event, root);
      if (!act) return;
      event.preventDefault();
      wake();
      act(actions);
    },
    { signal: closed.signal },
  );
  const wake = followActivity(root, closed.signal);

  if (open) session.start();
  else store.set({ phase: "error", problem: "unsupported" });
  return {
    subscribe: store.subscribe,
    destroy() {
      closed.abort();
      session.destroy();
      root.remove();
    },
  };
}

/** Never started: the screen says that this browser plays no live video. */
const openNothing: OpenEngine = () => ({ livePosition: () => null, toLive() {}, setQuality() {}, destroy() {} });

function engineFor(video: HTMLVideoElement): OpenEngine | null {
  // Chromium answers "maybe" for HLS and then may not play it: hls.js first wherever it can.
  if (hlsSupported()) return openHls;
  return nativeSupported(video) ? openNative : null;
}

function reflect(root: HTMLElement, state: PlayerState): void {
  root.dataset.state = state.phase;
  root.dataset.live = String(state.live);
  root.dataset.behind = String(state.behind > 0);
  root.dataset.paused = String(state.paused);
  root.dataset.audioOnly = String(state.audioOnly);
  if (state.phase === "error" && state.problem) root.dataset.problem = state.problem;
  else delete root.dataset.problem;
}

/** Hides the controls when the pointer rests; returns what shows them again. */
function followActivity(root: HTMLElement, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sleep = () => {
    root.dataset.idle = "true";
  };
  const wake = () => {
    clearTimeout(timer);
    root.dataset.idle = "false";
    timer = setTimeout(sleep, IDLE_MS);
  };
  for (const type of ["pointermove", "pointerdown", "focusin"]) root.addEventListener(type, wake, { signal });
  root.addEventListener("pointerleave", sleep, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  wake();
  return wake;
}

function seek(video: HTMLVideoElement, seconds: number): void {
  const { seekable } = video;
  if (seekable.length === 0) return;
  const last = seekable.end(seekable.length - 1);
  video.currentTime = Math.min(last, Math.max(seekable.start(0), video.currentTime + seconds));
}

/** iPhones put only the video element itself on the whole screen. */
type PhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

const fullscreenSupported = (video: PhoneVideo): boolean =>
  document.fullscreenEnabled || video.webkitEnterFullscreen !== undefined;

async function toggleFullscreen(root: HTMLElement, video: PhoneVideo): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await root.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  } catch {
    // The browser or the framing page does not allow it: the picture stays where it is.
  }
}

async function togglePip(video: HTMLVideoElement): Promise<void> {
  try {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await video.requestPictureInPicture();
  } catch {
    // Not before the first picture, or not allowed here.
  }
}
