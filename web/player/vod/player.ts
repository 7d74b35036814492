/**
 * The player of recordings: mounted into an element, by the page of a recording and by its embed alike.
 *
 * Its root tells its state in attributes, for styles and tests: `data-state` (poster | loading | playing | buffering |
 * ended | error), `data-paused`, `data-audio-only`, `data-problem`.
 */
import type { Gap, Storyboard, VodPart } from "#contract/vods";
import { element } from "../dom.ts";
import { loadVolume } from "../preferences.ts";
import { soundActions } from "../sound.ts";
import { followActivity, fullscreenSupported, pipSupported, toggleFullscreen, togglePip } from "../stage.ts";
import { createStore, type Listener } from "../store.ts";
import { startOf } from "./clock.ts";
import { createVodControls, SPEEDS } from "./controls.ts";
import { type OpenVod, vodEngineFor } from "./engine.ts";
import { followPicture } from "./gestures.ts";
import { vodKeyAction } from "./keys.ts";
import { keepPosition, positionOf } from "./resume.ts";
import { createVodScreens } from "./screens.ts";
import { VodSession } from "./session.ts";
import { initialVodState, type VodState } from "./state.ts";
import { clamp, seamsOf } from "./timeline.ts";

export type VodPlayerOptions = {
  vod: {
    public_id: string;
    title: string;
    /** Seconds. */
    duration: number;
    playback_url: string;
    thumbnail_url: string | null;
    storyboard: Storyboard | null;
    gaps: readonly Gap[];
    parts: readonly Pick<VodPart, "duration" | "codecs">[];
  };
  /** Seconds into it; null: where the address says, else where the viewer left off. */
  at: number | null;
  /** Begins by itself where the browser lets it; otherwise nothing is loaded before somebody asks for it. */
  autoplay: boolean;
  /** A fresh playback address; null when there is none any more. Throws without an answer. */
  renew(): Promise<string | null>;
};

export type VodPlayer = {
  /** What comes later than the recording itself. */
  update(later: Pick<VodState, "storyboard" | "gaps">): void;
  subscribe(listener: Listener<VodState>): () => void;
  destroy(): void;
};

export function mountVodPlayer(host: HTMLElement, { vod, at, autoplay, renew }: VodPlayerOptions): VodPlayer {
  const closed = new AbortController();
  const { signal } = closed;
  const { storyboard, gaps } = vod;
  const store = createStore({ ...initialVodState(vod.duration), storyboard, gaps });
  const video = element("video", {
    playsinline: true,
    preload: "auto",
    tabindex: "-1",
    ...(vod.thumbnail_url ? { poster: vod.thumbnail_url } : {}),
  });
  Object.assign(video, loadVolume());
  const root = element(
    "div",
    { class: "sl-player sl-vod", role: "region", "aria-label": `Player: ${vod.title}`, tabindex: "0" },
    video,
  );
  const open = vodEngineFor(video);
  const session = new VodSession({
    video,
    store,
    url: vod.playback_url,
    seams: seamsOf(vod.parts),
    open: open ?? openNothing,
    renew,
    keep: (seconds) => keepPosition(vod.public_id, seconds, store.get().duration),
  });

  const actions = {
    ...soundActions(video),
    togglePlay: () => (store.get().paused ? session.play() : session.pause()),
    seekTo: (seconds: number) => session.seekTo(seconds),
    seek: (seconds: number) => session.seekTo(store.get().time + seconds),
    seekToShare: (share: number) => session.seekTo(share * store.get().duration),
    setSpeed: (speed: number) => session.setSpeed(speed),
    changeSpeed: (steps: 1 | -1) => session.setSpeed(nextSpeed(store.get().speed, steps)),
    setQuality: (index: number) => session.setQuality(index),
    toggleFullscreen: () => void toggleFullscreen(root, video),
    togglePip: () => void togglePip(video),
  };
  const parts = [
    ...createVodScreens({
      retry: () => session.retry(),
      play: () => session.play(),
      startOver: () => session.seekTo(0),
      forgetResumed: () => store.set({ resumedAt: null }),
    }),
    createVodControls(actions, {
      fullscreen: fullscreenSupported(video),
      pip: pipSupported(),
      signal,
    }),
  ];
  root.append(...parts.map((part) => part.node));
  host.replaceChildren(root);
  store.subscribe((state) => {
    reflect(root, state);
    for (const part of parts) part.update(state);
  });

  const activity = followActivity(root, signal);
  followPicture(video, root, actions, activity, signal);
  document.addEventListener(
    "keydown",
    (event) => {
      const act = vodKeyAction(event, root);
      if (!act) return;
      event.preventDefault();
      activity.wake();
      act(actions);
    },
    { signal },
  );
  addEventListener("hashchange", () => seekToHash(actions.seekTo), { signal });

  if (open) session.start({ at: at ?? beginning(vod.public_id, vod.duration, store.set), autoplay });
  else store.set({ phase: "error", problem: "unsupported" });
  return {
    subscribe: store.subscribe,
    update: store.set,
    destroy() {
      session.destroy();
      closed.abort();
      root.remove();
    },
  };
}

/** Never started: the screen says that this browser plays no recordings. */
const openNothing: OpenVod = () => ({ setQuality() {}, destroy() {} });

/** What the address says, else where the viewer left off, else the start. */
function beginning(id: string, duration: number, set: (patch: Partial<VodState>) => void): number {
  const asked = startOf(location.hash);
  if (asked !== null) return clamp(asked, 0, duration);
  const left = positionOf(id, duration);
  set({ resumedAt: left });
  return left ?? 0;
}

function seekToHash(seekTo: (seconds: number) => void): void {
  const asked = startOf(location.hash);
  if (asked !== null) seekTo(asked);
}

function nextSpeed(speed: number, steps: 1 | -1): number {
  const at = SPEEDS.indexOf(speed);
  return SPEEDS[clamp(at + steps, 0, SPEEDS.length - 1)] ?? speed;
}

function reflect(root: HTMLElement, state: VodState): void {
  root.dataset.state = state.phase;
  root.dataset.paused = String(state.paused);
  root.dataset.audioOnly = String(state.audioOnly);
  if (state.phase === "error" && state.problem) root.dataset.problem = state.problem;
  else delete root.dataset.problem;
}
