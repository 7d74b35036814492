/** The access matrix's calls of streams, their playback, and recordings. */
import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { Person } from "./access-callers.ts";
import type { Case, Cases } from "./access-case.ts";
import { bindings, newStream } from "./client.ts";
import { TestMediaWorker } from "./media-worker.ts";
import { newVod, storedVod } from "./recordings.ts";

const streamOf = (owner: Person, kind: string) =>
  newStream(owner.token, { is_public: kind !== "private", allow_unauthenticated: kind === "open" });

const ofStream = (body?: unknown): Case => ({
  make: async (owner, kind) => ({ params: { id: (await streamOf(owner, kind)).id }, body }),
});

/** Its `pub_` key. */
async function liveStream(owner: Person, kind: string): Promise<string> {
  const worker = await TestMediaWorker.enrol();
  await worker.connect();
  const stream = await streamOf(owner, kind);
  await worker.publish(stream.stream_key);
  const object = bindings.LIVE_STREAM.getByName(String(stream.id));
  await eventually(async () => expect((await object.playback()).state).toBe("live"));
  return stream.public_key;
}

const ofVod = (body?: unknown): Case => ({
  make: async (owner) => ({ params: { id: (await newVod({ user: owner, visibility: "public" })).id }, body }),
});

const watching = (params: Record<string, string> = {}): Case => ({
  make: async (owner, kind) => {
    const vod = await storedVod({ user: owner, visibility: kind === "private" ? "private" : "public" });
    return { params: { public_id: vod.public_id, ...params } };
  },
});

export const MEDIA_CASES: Cases = {
  listOwnStreams: {},
  createStream: { make: () => ({ body: { title: "Evening show" } }) },
  listPublicStreams: {},
  listOpenStreams: {},
  getStream: ofStream(),
  updateStream: ofStream({ description: "Every evening" }),
  deleteStream: ofStream(),
  regenerateStreamKey: ofStream(),
  getStreamInfo: { make: async (owner, kind) => ({ params: { key: (await streamOf(owner, kind)).public_key } }) },
  getHls: {
    make: async (owner, kind) => ({ params: { key: await liveStream(owner, kind), path: "index.m3u8" } }),
  },

  listVods: {},
  getVod: ofVod(),
  updateVod: ofVod({ title: "Morning show" }),
  deleteVod: ofVod(),
  listPublicVods: { make: async (owner) => ({ query: { stream: (await newStream(owner.token)).public_key } }) },
  getPublicVod: watching(),
  getVodPlaylist: watching(),
  getVodPart: watching({ file: "1.mp4" }),
  getVodThumbnail: watching(),
  getVodStoryboard: watching(),
};
