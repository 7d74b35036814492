/** A recording through hls.js: one object for each part, addressed by byte ranges, joined by discontinuities. */
import Hls, { type ErrorData, ErrorDetails, ErrorTypes, Events, type HlsConfig } from "hls.js/light";
import { createAttempts } from "../attempts.ts";
import type { Failure } from "../engine.ts";
import { qualitiesOf } from "../qualities.ts";
import type { OpenVod } from "./engine.ts";

const RECOVERY_WINDOW_MS = 10_000;

const noRetry = { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 };
const playlist = { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 20_000, timeoutRetry: noRetry, errorRetry: noRetry };

/** What is refused or gone stays so under this address. */
const isRefusal = (status: number | undefined) => status !== undefined && status >= 400 && status < 500;

const config: Partial<HlsConfig> = {
  // Enough for a bad minute, and not the whole recording of somebody who watches its start.
  maxBufferLength: 30,
  maxMaxBufferLength: 120,
  maxBufferSize: 48 * 1024 * 1024,
  // A step back costs nothing; the rest is loaded again rather than held.
  backBufferLength: 60,
  enableDateRangeMetadataCues: false,
  enableEmsgMetadataCues: false,
  enableID3MetadataCues: false,
  // The session decides what a missing playlist means, and when to ask again.
  manifestLoadPolicy: { default: playlist },
  playlistLoadPolicy: { default: playlist },
  fragLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 15_000,
      maxLoadTimeMs: 90_000,
      timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 2_000 },
    },
  },
};

export const hlsSupported = (): boolean => Hls.isSupported();

export const openVodHls: OpenVod = (video, url, { at, from, to }, events) => {
  const mediaErrors = createAttempts(RECOVERY_WINDOW_MS, () => performance.now());
  const hls = new Hls({ ...config, startPosition: at });
  const closed = new AbortController();
  let stopped = false;

  const stop = () => {
    stopped = true;
    closed.abort();
    hls.destroy();
  };
  const fail = (failure: Failure) => {
    if (stopped) return;
    stop();
    events.failed(failure);
  };
  const onFatal = ({ type, details, response }: ErrorData) => {
    if (type === ErrorTypes.MEDIA_ERROR) {
      // Media that does not fit the source buffers (a part with other tracks) would not fit the second time either.
      const again = details !== ErrorDetails.BUFFER_APPEND_ERROR && mediaErrors.note() === 1;
      if (again) hls.recoverMediaError();
      else fail("media");
    } else {
      const status = response?.code;
      fail(status === 404 ? "gone" : status === 401 || status === 403 ? "refused" : "network");
    }
  };
  hls.on(Events.MANIFEST_PARSED, (_event, { levels }) => {
    // The only one there is needs no menu.
    events.qualities(levels.length > 1 ? qualitiesOf(levels) : []);
  });
  hls.on(Events.BUFFER_CODECS, (_event, tracks) => events.audioOnly(!tracks.video && !tracks.audiovideo));
  /** hls.js loads ahead, and gives up on what does not fit the tracks it began with. */
  let exhausted = false;
  hls.on(Events.FRAG_LOADING, (_event, { frag }) => {
    const middle = frag.start + frag.duration / 2;
    if (exhausted || (middle >= from && middle < to)) return;
    exhausted = true;
    hls.stopLoad();
    // It is in the middle of its own handling here, and the answer may be to take it down.
    queueMicrotask(() => !stopped && events.exhausted());
  });
  const loadAgain = () => {
    if (exhausted) hls.startLoad(video.currentTime);
    exhausted = false;
  };
  video.addEventListener("seeking", loadAgain, { signal: closed.signal });
  hls.on(Events.ERROR, (_event, data) => {
    if (data.fatal || isRefusal(data.response?.code)) onFatal(data);
  });
  hls.loadSource(url);
  hls.attachMedia(video);

  return {
    setQuality(index) {
      hls.loadLevel = index;
    },
    destroy: stop,
  };
};
