/** A running RTMP server whose hub only writes down what it gets. */
import { expect, onTestFinished } from "vitest";
import { type RtmpServerOptions, startRtmpServer } from "../../media-worker/servers/rtmp/server.ts";
import type { Source } from "./h264-source.ts";
import { IngestRecorder } from "./ingest-recorder.ts";
import { openPublisher } from "./rtmp-publisher.ts";

/** Errors are shown: what a server calls an error is a bug of ours. */
export const quietLog = { debug() {}, info() {}, warn() {}, error: console.error };

export const STARTED = { level: "status", code: "NetStream.Publish.Start" };
/** Pace of `feed`. */
export const AT_ONCE = { speed: Number.POSITIVE_INFINITY };

/** Closed when the test is finished. */
export async function startRecorder(options: Partial<RtmpServerOptions> = {}) {
  const ingest = new IngestRecorder();
  const server = await startRtmpServer({ host: "127.0.0.1", port: 0, ingest, log: quietLog, ...options });
  onTestFinished(() => server.close());
  return { ingest, server, port: server.port, url: `rtmp://127.0.0.1:${server.port}/live` };
}

/** A server, a publisher that has been let in, and the hub's side of it. */
export async function publishing(options: Partial<RtmpServerOptions> = {}) {
  const started = await startRecorder(options);
  const publisher = await openPublisher({ port: started.port });
  expect(await publisher.publish("live_key")).toMatchObject(STARTED);
  const [session] = started.ingest.sessions;
  if (session === undefined) throw new Error("the hub has no session");
  return { ...started, publisher, session };
}

/** What the hub must get of a source, with the time stamps that were sent. */
export const unitsOf = (source: Source, timestamp = (t: number) => t) =>
  source.tags.map((tag) => ({
    kind: tag.kind,
    dts: timestamp(tag.timestamp),
    cts: tag.cts,
    key: tag.key,
    data: tag.body.subarray(tag.kind === "video" ? 5 : 2),
  }));
