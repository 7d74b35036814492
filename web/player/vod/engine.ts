/** What drives the `<video>` element while it plays a recording. */
import type { Engine, EngineEvents } from "../engine.ts";
import { nativeSupported, openNative } from "../native-engine.ts";
import { hlsSupported, openVodHls } from "./hls-engine.ts";

export type VodEvents = Pick<EngineEvents, "qualities" | "audioOnly" | "failed"> & {
  /** All that the stretch still has is loaded. */
  exhausted(): void;
};
export type VodEngine = Pick<Engine, "setQuality" | "destroy">;

/**
 * Seconds into the recording: loading begins `at`, and stays in the stretch `from` … `to` in which pictures and sound
 * neither come nor go, since a media source keeps the tracks that it began with.
 */
export type Stretch = { at: number; from: number; to: number };

export type OpenVod = (video: HTMLVideoElement, url: string, stretch: Stretch, events: VodEvents) => VodEngine;

/** The browser passes from one stretch to the next by itself. */
const openVodNative: OpenVod = (video, url, _stretch, events) =>
  openNative(video, url, { ...events, live: () => undefined, ready: () => undefined });

/** Null: this browser plays no HLS. */
export function vodEngineFor(video: HTMLVideoElement): OpenVod | null {
  // Chromium answers "maybe" for HLS and then may not play it: hls.js first wherever it can.
  if (hlsSupported()) return openVodHls;
  return nativeSupported(video) ? openVodNative : null;
}
