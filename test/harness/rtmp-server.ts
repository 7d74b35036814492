/** A running RTMP server whose hub only writes down what it gets. */
import { onTestFinished } from "vitest";
import { type RtmpServerOptions, startRtmpServer } from "../../media-worker/servers/rtmp/server.ts";
import { IngestRecorder } from "./ingest-recorder.ts";

/** Errors are shown: what a server calls an error is a bug of ours. */
export const quietLog = { debug() {}, info() {}, warn() {}, error: console.error };

/** Closed when the test is finished. */
export async function startRecorder(options: Partial<RtmpServerOptions> = {}) {
  const ingest = new IngestRecorder();
  const server = await startRtmpServer({ host: "127.0.0.1", port: 0, ingest, log: quietLog, ...options });
  onTestFinished(() => server.close());
  return { ingest, server, port: server.port, url: `rtmp://127.0.0.1:${server.port}/live` };
}
