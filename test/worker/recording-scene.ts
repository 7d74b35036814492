/** Streams with recorded sessions, and what became of them. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { expect, vi } from "vitest";
import type { PublishGrant } from "../../schema/contract/media.ts";
import { outbox } from "../../schema/tables/events.ts";
import { jobs } from "../../schema/tables/media.ts";
import { streams } from "../../schema/tables/streams.ts";
import { vod_parts, vods } from "../../schema/tables/vods.ts";
import { bindings, db, newStream } from "./client.ts";
import { ended, TestMediaWorker } from "./media-worker.ts";
import { DONE } from "./task-worker.ts";

const WAIT = { timeout: 15_000, interval: 20 };

export async function recordingWorker(): Promise<TestMediaWorker> {
  const worker = await TestMediaWorker.enrol();
  worker.roles = ["ingest", "play", "record"];
  worker.maxTasks = 8;
  await worker.connect();
  return worker;
}

export type Scene = { stream: { id: number; title: string; stream_key: string }; grant: PublishGrant };

/** Somebody publishes, and it is recorded. */
export async function onAir(
  owner: { token: string },
  worker: TestMediaWorker,
  fields: Record<string, unknown> = {},
): Promise<Scene> {
  const stream = await newStream(owner.token, fields);
  return { stream, grant: await worker.publish(stream.stream_key) };
}

export const liveObject = (streamId: number) => bindings.LIVE_STREAM.getByName(String(streamId));

/** As if time had passed: changes what the stream's object keeps. */
export const alterLive = (
  streamId: number,
  // biome-ignore lint/suspicious/noExplicitAny: the record as it is stored
  change: (record: any) => void,
) =>
  runInDurableObject(liveObject(streamId), (_, state) => {
    const { value } = state.storage.sql.exec<{ value: string }>("SELECT value FROM record").one();
    const record = JSON.parse(value);
    change(record);
    state.storage.sql.exec("UPDATE record SET value = ?", JSON.stringify(record));
  });

/** The publisher ends, and the grace passes. */
export async function endBroadcast({ stream, grant }: Scene, worker: TestMediaWorker): Promise<void> {
  worker.event(grant, 1, ended());
  await vi.waitFor(async () => expect((await liveObject(stream.id).playback()).state).toBe("grace"), WAIT);
  await passGrace(stream.id);
}

/** Seven seconds later. */
export async function passGrace(streamId: number): Promise<void> {
  await alterLive(streamId, (record) => {
    record.grace_until = 1;
  });
  await runDurableObjectAlarm(liveObject(streamId));
}

/** The worker is told to hand in the rest, and says that it has. */
export async function finish(worker: TestMediaWorker): Promise<void> {
  const { task, order } = await worker.link.next("assign", (frame) => frame.order.kind === "finish");
  expect(order.kind).toBe("finish");
  worker.task(task, DONE);
  await worker.link.next("task_settled", (frame) => frame.task.lease === task.lease);
}

export const vodOf = (publicId: string) => db.select().from(vods).where(eq(vods.public_id, publicId)).get();
export const partRow = (id: string) => db.select().from(vod_parts).where(eq(vod_parts.id, id)).get();
export const shown = (streamId: number) => db.select().from(streams).where(eq(streams.id, streamId)).get();
export const jobsOf = (session: string) => db.select().from(jobs).where(eq(jobs.session, session));

export const becomes = (publicId: string, status: string) =>
  vi.waitFor(async () => expect((await vodOf(publicId))?.status).toBe(status), WAIT);
export const isLive = (streamId: number, value: number) =>
  vi.waitFor(async () => expect((await shown(streamId))?.is_live).toBe(value), WAIT);

/** Ids of the events that tell of it, oldest first. */
export async function eventsOf(publicId: string): Promise<string[]> {
  const rows = await db.select().from(outbox).orderBy(outbox.created_at);
  return rows.filter(({ id }) => id.startsWith(`vod:${publicId}:`)).map(({ id }) => id.split(":").slice(2).join(":"));
}

/** Ids of the events that a stream's object keeps. */
export const liveEvents = (streamId: number): Promise<string[]> =>
  runInDurableObject(liveObject(streamId), (_, state) =>
    state.storage.sql
      .exec<{ id: string }>("SELECT id FROM outbox ORDER BY rowid")
      .toArray()
      .map(({ id }) => id.split(":").slice(3).join(":")),
  );
