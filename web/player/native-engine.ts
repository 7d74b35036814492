/** The browser's own HLS, for those without Media Source Extensions (older iOS). It tells little and chooses itself. */
import type { Engine, EngineEvents } from "./engine.ts";

export const nativeSupported = (video: HTMLVideoElement): boolean =>
  video.canPlayType("application/vnd.apple.mpegurl") !== "";

/** Close enough to the end of the seekable range to count as live. */
const EDGE_S = 2;

export function openNative(video: HTMLVideoElement, indexUrl: string, events: EngineEvents): Engine {
  const listeners = new AbortController();
  const on = (type: string, listener: () => void) =>
    video.addEventListener(type, listener, { signal: listeners.signal });
  on("loadedmetadata", () => {
    events.live(video.duration === Number.POSITIVE_INFINITY);
    events.audioOnly(video.videoWidth === 0);
    events.ready();
  });
  on("durationchange", () => events.live(video.duration === Number.POSITIVE_INFINITY));
  on("error", () => {
    listeners.abort();
    // It does not say why: a broken decode is a media error, all else (404 included) means asking the API.
    events.failed(video.error?.code === MediaError.MEDIA_ERR_DECODE ? "media" : "network");
  });
  video.src = indexUrl;
  video.load();
  const livePosition = () => {
    const ranges = video.seekable;
    return ranges.length === 0 ? null : ranges.end(ranges.length - 1) - EDGE_S;
  };
  return {
    livePosition,
    toLive() {
      const live = livePosition();
      if (live !== null) video.currentTime = live;
    },
    setQuality() {
      // The browser chooses; no menu is shown.
    },
    destroy() {
      listeners.abort();
      video.removeAttribute("src");
      video.load();
    },
  };
}
