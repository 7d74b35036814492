/** Low-latency HLS through hls.js, set to stay clear of stalls rather than to win the last 300 ms. */
import Hls, {
  type ErrorData,
  ErrorDetails,
  ErrorTypes,
  Events,
  type Fragment,
  type HlsConfig,
  type Level,
  type LevelDetails,
  type Part,
} from "hls.js/light";
import { createAttempts } from "./attempts.ts";
import type { Engine, EngineEvents, Failure } from "./engine.ts";
import { ahead, entryPoint, isBuffered, stretchStart } from "./live-edge.ts";
import { qualitiesOf } from "./qualities.ts";
import { freshRendition, Renewal } from "./renewal.ts";

/** Held back beyond the playlist's PART-HOLD-BACK. */
const MARGIN_S = 0.35;
/** Lands inside the part that begins there. */
const INSIDE_S = 0.05;
/** A publisher may be away for the grace of 7 s and a media worker restart within it: the playlist is asked for longer. */
const PLAYLIST_RETRIES = 14;
/** So much is loaded before playback begins, or so long waited for it. */
const START_S = 1.2;
const START_PATIENCE_MS = 1_500;
const WINDOW_TOLERANCE_S = 0.5;
const PLAYED_OUT_S = 0.1;
const RECOVERY_WINDOW_MS = 10_000;
/** In that window: requests under the old token may be on their way when the new one comes. */
const RENEWALS = 3;

const noRetry = { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 };

const hlsConfig: Partial<HlsConfig> = {
  lowLatencyMode: true,
  // Catches up after a stall, too slowly to be heard.
  maxLiveSyncPlaybackRate: 1.05,
  backBufferLength: 30,
  enableDateRangeMetadataCues: false,
  enableEmsgMetadataCues: false,
  enableID3MetadataCues: false,
  // The session decides what a missing index means.
  manifestLoadPolicy: {
    default: { maxTimeToFirstByteMs: 8_000, maxLoadTimeMs: 10_000, timeoutRetry: noRetry, errorRetry: noRetry },
  },
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 10_000,
      maxLoadTimeMs: 15_000,
      timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
      // Of any status: while a media worker restarts, the playlist may be 404 for a moment.
      errorRetry: { maxNumRetry: PLAYLIST_RETRIES, retryDelayMs: 400, maxRetryDelayMs: 1_000 },
    },
  },
  fragLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 8_000,
      maxLoadTimeMs: 30_000,
      timeoutRetry: { maxNumRetry: 3, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 6, retryDelayMs: 300, maxRetryDelayMs: 2_000 },
    },
  },
};

export const hlsSupported = (): boolean => Hls.isSupported();

export function openHls(video: HTMLVideoElement, indexUrl: string, events: EngineEvents): Engine {
  const mediaErrors = createAttempts(RECOVERY_WINDOW_MS, () => performance.now());
  const renewals = createAttempts(RECOVERY_WINDOW_MS, () => performance.now());
  const token = new Renewal();
  const hls = new Hls({
    ...hlsConfig,
    xhrSetup(xhr, url) {
      const fresh = token.apply(url);
      if (fresh !== url) xhr.open("GET", fresh, true);
    },
  });
  let stopped = false;
  let patience: ReturnType<typeof setTimeout> | undefined;

  const stop = () => {
    stopped = true;
    clearTimeout(patience);
    hls.destroy();
  };
  const fail = (failure: Failure) => {
    if (stopped) return;
    stop();
    events.failed(failure);
  };

  /** The path token ran out or was revoked: a fresh index carries a new one, and playback need not stop for it. */
  const renew = async (level: Level) => {
    if (token.renewing) return;
    if (renewals.note() > RENEWALS) return fail("network");
    token.renewing = true;
    const fresh = await freshRendition(indexUrl);
    token.renewing = false;
    if (stopped) return;
    if ("failure" in fresh) fail(fresh.failure);
    else token.renew(level.uri, fresh.url);
  };

  const onFatal = (data: ErrorData) => {
    const status = data.response?.code;
    if (data.type === ErrorTypes.MEDIA_ERROR) {
      // Media that does not fit the source buffers (a track was added) would not fit them the second time either.
      const again = data.details !== ErrorDetails.BUFFER_APPEND_ERROR && mediaErrors.note() === 1;
      if (again) hls.recoverMediaError();
      else fail("media");
    } else {
      fail(status === 404 ? "gone" : status === 403 ? "refused" : "network");
    }
  };

  /** Loading begins at an earlier keyframe; the jump to the edge follows once all between is there. */
  let catchingUp = false;
  let starting = false;
  let holdBack = 0;
  const toLive = () => {
    const live = hls.liveSyncPosition;
    if (live === null) return;
    const entry = isBuffered(video, live) ? null : entryPoint(hls.latestLevelDetails?.partList ?? [], live);
    catchingUp = entry !== null;
    video.currentTime = entry === null ? live : entry + INSIDE_S;
  };
  /** The window has moved on, or begun anew on another media worker: hls.js would wait for what never comes. */
  const leftBehind = (details: LevelDetails) =>
    video.readyState > 0 &&
    !video.seeking &&
    video.currentTime < details.fragmentStart - WINDOW_TOLERANCE_S &&
    ahead(video, video.currentTime) < PLAYED_OUT_S;

  hls.on(Events.MANIFEST_PARSED, (_event, { levels }) => {
    events.qualities(qualitiesOf(levels));
    events.audioOnly(levels.every((level) => !level.videoCodec && level.audioCodec));
  });

  const jumpToEdge = () => {
    const live = hls.liveSyncPosition;
    if (!catchingUp || live === null || !isBuffered(video, live)) return;
    catchingUp = false;
    video.currentTime = live;
  };
  const join = (details: LevelDetails) => {
    holdBack = details.partHoldBack;
    hls.targetLatency = holdBack + MARGIN_S;
    const live = hls.liveSyncPosition;
    if (live === null || isBuffered(video, live)) return;
    const parts = details.partList ?? [];
    const stretch = stretchStart(parts);
    const entry = stretch > live ? stretch : entryPoint(parts, live);
    if (entry === null) return;
    starting = true;
    catchingUp = entry < live;
    hls.targetLatency = details.edge - entry - INSIDE_S;
  };
  /** A stream that has just begun has little to play: better a moment later than with a stall. */
  let told = false;
  const ready = () => {
    if (told || stopped) return;
    told = true;
    clearTimeout(patience);
    events.ready();
  };
  const readyWhenBuffered = () => {
    patience ??= setTimeout(ready, START_PATIENCE_MS);
    if (ahead(video, video.currentTime) >= Math.min(START_S, holdBack)) ready();
  };
  // Fires before hls.js chooses where to start.
  hls.on(Events.LEVEL_UPDATED, (_event, { details }) => {
    if (details.live && details.partHoldBack !== holdBack) join(details);
    // hls.js is in the middle of its own handling here, and the answer may be to take it down.
    queueMicrotask(() => {
      if (stopped) return;
      if (details.live && leftBehind(details)) toLive();
      if (details.advanced || !details.live) events.live(details.live);
    });
  });
  hls.on(Events.FRAG_BUFFERED, (_event, { frag, part }) => {
    if (!part) markParts(hls.latestLevelDetails?.partList ?? [], frag);
    if (starting) hls.targetLatency = holdBack + MARGIN_S;
    starting = false;
    jumpToEdge();
    if (!told) readyWhenBuffered();
  });
  hls.on(Events.ERROR, (_event, data) => {
    const [level] = hls.levels;
    // hls.js asks again by itself a little later, and then for what has a good token.
    if (data.response?.code === 403 && !data.fatal && level) void renew(level);
    else if (data.fatal) onFatal(data);
  });
  hls.loadSource(indexUrl);
  hls.attachMedia(video);

  return {
    livePosition: () => hls.liveSyncPosition,
    toLive,
    setQuality(index) {
      hls.loadLevel = index;
    },
    destroy: stop,
  };
}

/**
 * hls.js forgets that it has the parts of a segment that it loaded whole. Without them it does not go on to a part that
 * has no keyframe, and playback stands still until that one has left the playlist (1.7.4).
 */
function markParts(parts: readonly Part[], whole: Fragment): void {
  for (const part of parts) {
    if (part.fragment.sn === whole.sn && part.fragment.cc === whole.cc)
      part.elementaryStreams = whole.elementaryStreams;
  }
}
