/** The live process: RTMP ingest, hub, packager, recorder and play server in one event loop. */
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Log } from "../log.ts";
import { FileAttic } from "../packager/attic.ts";
import { Recordings } from "../recorder/recordings.ts";
import { type PlayServer, startPlayServer } from "../servers/http/play-server.ts";
import { startRtmpServer } from "../servers/rtmp/server.ts";
import type { LiveSettings } from "../settings.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Control, LiveProcess } from "./control.ts";
import { Hub } from "./hub.ts";

export type RunningLive = LiveProcess & {
  hub: Hub;
  /** Ends every session as `worker_stopped`, with its recording, and closes both servers. */
  close(): Promise<void>;
};

/** Rejects when an address cannot be listened on (`EADDRINUSE`, …) or the window's folder cannot be made. */
export async function runLive(
  settings: LiveSettings,
  control: Control,
  log: Log,
  clock: Clock = systemClock,
): Promise<RunningLive> {
  // What a process killed at the wrong moment left there.
  await rm(settings.windowDir, { recursive: true, force: true });
  await mkdir(settings.windowDir, { recursive: true });
  let attics = 0;
  const newAttic = () => new FileAttic(path.join(settings.windowDir, `${process.pid}-${attics++}`));
  const recordings = new Recordings({
    dir: settings.recordingsDir,
    maxBytes: settings.spoolMaxBytes,
    poke: (poke) => control.recording(poke),
    log,
    clock,
  });
  await recordings.start();
  const { partMs, maxPublishers } = settings;
  const hub = new Hub({ partMs, maxPublishers, newAttic, recordings }, control, clock);
  const play = await startPlayServer({
    host: settings.host,
    port: settings.httpPort,
    find: (streamId) => hub.stream(streamId)?.hls ?? null,
    clock,
    log,
  });
  const rtmp = await startRtmpServer({ host: settings.host, port: settings.rtmpPort, ingest: hub, log }).catch(
    async (error: unknown) => {
      await Promise.all([hub.close(), play.close()]);
      throw error;
    },
  );
  return {
    hub,
    ports: { rtmp: rtmp.port, http: play.port },
    running: () => hub.running(),
    viewers: () => viewersOf(hub, play),
    stop: (jobId, lease, reason) => hub.stop(jobId, lease, reason),
    reconcile: (desired) => hub.reconcile(desired),
    keys: (keys) => play.keys(keys),
    revoke: (streamId, generation) => play.revoke(streamId, generation),
    drain: (seconds) => hub.drain(seconds),
    async close() {
      await Promise.all([hub.close(), rtmp.close(), play.close()]);
    },
  };
}

function viewersOf(hub: Hub, play: PlayServer): { stream_id: number; viewers: number }[] {
  return hub.streamIds().flatMap((stream_id) => {
    const viewers = play.viewers(stream_id);
    return viewers > 0 ? [{ stream_id, viewers }] : [];
  });
}
