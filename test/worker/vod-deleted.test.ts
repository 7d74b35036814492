/** A recording that its owner deletes while its media worker still hands it in. */
import { beforeAll, expect, test, vi } from "vitest";
import { doomed_objects } from "../../schema/tables/vods.ts";
import { call, db, newUser } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";
import { TestPart } from "./recorded-part.ts";
import { becomes, endBroadcast, isLive, onAir, recordingWorker, vodOf } from "./recording-scene.ts";
import { objectsOf, uploadsOf } from "./s3.ts";

let owner: Awaited<ReturnType<typeof newUser>>;
let worker: TestMediaWorker;
beforeAll(async () => {
  owner = await newUser();
  worker = await recordingWorker();
});

const WAIT = { timeout: 20_000 };
const PATIENT = { timeout: 60_000 };

test("goes with what is uploaded, its stream is let go, and the worker throws the rest away", PATIENT, async () => {
  const scene = await onAir(owner, worker);
  const part = new TestPart(worker, scene.grant);
  await part.open();
  await part.upload([1]);
  await part.progress();
  const { id } = (await vodOf(part.vod))!;
  const remove = () => call("DELETE", `/api/library/${id}`, { token: owner.token });
  expect((await remove()).status).toBe(409);

  await endBroadcast(scene, worker);
  await becomes(part.vod, "processing");
  await isLive(scene.stream.id, 2);
  expect((await remove()).status).toBe(200);
  await isLive(scene.stream.id, 0);
  await vi.waitFor(async () => expect(await uploadsOf(part.vod)).toEqual([]), WAIT);
  const deleted = { status: 200, body: { keep: false, reason: "deleted" } };
  expect(await part.progress()).toMatchObject(deleted);
  expect(await part.complete()).toMatchObject(deleted);
  expect(await new TestPart(worker, scene.grant, { n: 1 }).open()).toMatchObject(deleted);
  expect(await vodOf(part.vod)).toBeUndefined();
  await vi.waitFor(async () => expect(await db.select().from(doomed_objects)).toEqual([]), WAIT);
  expect(await objectsOf(part.vod)).toEqual({});
});

test("does not come back by a part that comes late", PATIENT, async () => {
  const scene = await onAir(owner, worker);
  const part = new TestPart(worker, scene.grant);
  await part.handIn();
  await endBroadcast(scene, worker);
  await becomes(part.vod, "processing");
  const { id } = (await vodOf(part.vod))!;
  expect((await call("DELETE", `/api/library/${id}`, { token: owner.token })).status).toBe(200);
  await vi.waitFor(async () => expect(await objectsOf(part.vod)).toEqual({}), WAIT);
  const late = new TestPart(worker, scene.grant, { n: 1 });
  expect((await late.open()).body).toEqual({ keep: false, reason: "deleted" });
  expect((await call("GET", "/api/library", { token: owner.token })).body.total).toBe(0);
});
