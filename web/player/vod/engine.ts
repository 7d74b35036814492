/** What drives the `<video>` element while it plays a recording. */
import type { Engine, EngineEvents } from "../engine.ts";
import { nativeSupported, openNative } from "../native-engine.ts";
import { hlsSupported, openVodHls } from "./hls-engine.ts";

export type VodEvents = Pick<EngineEvents, "qualities" | "audioOnly" | "failed">;
export type VodEngine = Pick<Engine, "setQuality" | "destroy">;

/** `at`: seconds into the recording, where loading begins. */
export type OpenVod = (video: HTMLVideoElement, url: string, at: number, events: VodEvents) => VodEngine;

const openVodNative: OpenVod = (video, url, _at, events) =>
  openNative(video, url, { ...events, live: () => undefined, ready: () => undefined });

/** Null: this browser plays no HLS. */
export function vodEngineFor(video: HTMLVideoElement): OpenVod | null {
  // Chromium answers "maybe" for HLS and then may not play it: hls.js first wherever it can.
  if (hlsSupported()) return openVodHls;
  return nativeSupported(video) ? openVodNative : null;
}
