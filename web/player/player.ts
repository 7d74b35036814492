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
import { loadVolume } from "./preferences.ts";
import { createScreens } from "./screens.ts";
import { Session } from "./session.ts";
import { soundActions } from "./sound.ts";
import { followActivity, fullscreenSupported, pipSupported, toggleFullscreen, togglePip } from "./stage.ts";
import { createStore, type PlayerState } from "./state.ts";
import type { Listener } from "./store.ts";

export type PlayerOptions = {
  /** A `pub_` key. */
  streamKey: string;
  /** Names the player for those who do not see it. */
  label: string;
};

export type Player = {
  subscribe(listener: Listener<PlayerState>): () => void;
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
    ...soundActions(video),
    toLive: () => session.toLive(),
    seek: (seconds: number) => seek(video, seconds),
    setQuality: (index: number) => session.setQuality(index),
    toggleFullscreen: () => void toggleFullscreen(root, video),
    togglePip: () => void togglePip(video),
  };
  const parts = [
    ...createScreens({ retry: () => session.retry(), play: () => session.play(), unmute: actions.toggleMute }),
    createControls(actions, {
      fullscreen: fullscreenSupported(video),
      pip: pipSupported(),
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
      activity.wake();
      act(actions);
    },
    { signal: closed.signal },
  );
  const activity = followActivity(root, closed.signal);

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

function seek(video: HTMLVideoElement, seconds: number): void {
  const { seekable } = video;
  if (seekable.length === 0) return;
  const last = seekable.end(seekable.length - 1);
  video.currentTime = Math.min(last, Math.max(seekable.start(0), video.currentTime + seconds));
}
