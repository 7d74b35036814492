/** A publisher that knows at every moment what it has sent. */
import type { Source, SourceTag } from "../test/harness/h264-source.ts";
import { openPublisher } from "../test/harness/rtmp-publisher.ts";

const TICK_MS = 10;
const CHUNK_BYTES = 4096;

export type LoggedPush = {
  /** What was written to the socket, oldest first. */
  sent(): SourceTag[];
  /** Sends what is due at this very moment. */
  catchUp(): void;
  /** Sends nothing more. The connection stays. */
  halt(): void;
  /** The connection is gone, by whichever side. */
  closed: Promise<void>;
};

/** Pushes `source` once, in real time. Rejects when the server does not let it in. */
export async function startLoggedPush(ingest: string, source: Source): Promise<LoggedPush> {
  const url = new URL(ingest);
  const [, app = "", key = ""] = url.pathname.split("/");
  const publisher = await openPublisher({ host: url.hostname, port: Number(url.port), app });
  publisher.setChunkSize(CHUNK_BYTES);
  const status = await publisher.publish(key);
  if (status.code !== "NetStream.Publish.Start") {
    publisher.rst();
    throw new Error(`${status.code}: ${status.description}`);
  }
  if (source.metadata) publisher.metadata(source.metadata);
  if (source.videoHeader) publisher.send(source.videoHeader, 0, "video");
  if (source.audioHeader) publisher.send(source.audioHeader, 0, "audio");

  const begin = performance.now();
  let count = 0;
  const catchUp = () => {
    const now = performance.now() - begin;
    for (let tag = source.tags[count]; tag && tag.timestamp <= now; tag = source.tags[count]) {
      if (publisher.isClosed) return;
      publisher.send(tag.body, tag.timestamp, tag.kind);
      count++;
    }
  };
  const timer = setInterval(catchUp, TICK_MS);
  const halt = () => clearInterval(timer);
  void publisher.closed.then(halt);
  return { sent: () => source.tags.slice(0, count), catchUp, halt, closed: publisher.closed };
}
