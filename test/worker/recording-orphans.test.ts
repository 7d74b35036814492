/** The daily search for objects and uploads of recordings that no row knows. */
import { eq } from "drizzle-orm";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { settings } from "../../schema/tables/admin.ts";
import { doomed_objects, vod_parts } from "../../schema/tables/vods.ts";
import type { Ctx } from "../../workers/core/context.ts";
import { objectStore } from "../../workers/core/s3.ts";
import { readSetting } from "../../workers/core/setting.ts";
import { removeDoomed } from "../../workers/vods/remove-doomed.ts";
import { sweepOrphans } from "../../workers/vods/sweep-orphans.ts";
import { bindings, db, logged, newUser, system } from "./client.ts";
import { newVod } from "./recordings.ts";
import { bucket } from "./s3.ts";

vi.setConfig({ testTimeout: 60_000 });

const HOUR_MS = 3600_000;
const OLD = Date.now() - 25 * HOUR_MS;

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser();
});
beforeEach(async () => {
  await db.delete(settings).where(eq(settings.key, "orphan_sweep"));
  await db.delete(doomed_objects);
});
afterEach(() => bucket.heal());

const store = () => objectStore(system());
const at = (ms: number, change: Partial<Ctx> = {}): Ctx => ({ ...system(), now: () => Date.now() + ms, ...change });
const mode = (sweep: "delete" | "dry-run" | "off") => {
  const { settings: known } = system();
  return { settings: { ...known, s3: { ...known.s3!, sweep } } };
};
const newId = () => `vod_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
const isThere = async (key: string) => (await bucket.look()).objects.some((object) => object.key === key);
/** An upload that began so long ago. */
async function pending(key: string, begun = OLD) {
  const id = await store().createUpload(key, "video/mp4");
  await bucket.begun(id, begun);
  return id;
}
const uploads = async () => (await bucket.look()).uploads.map((upload) => upload.upload_id);

test("without a recording in the database nothing is removed: it may be the wrong one", async () => {
  const warnings = logged("warn");
  const key = `vods/${newId()}/e-0.mp4`;
  await bucket.put(key, 10, OLD);
  expect(await sweepOrphans(system())).toBe(0);
  expect(await isThere(key)).toBe(true);
  expect(warnings.join()).toContain(key);
  await store().remove(key);
});

describe("with recordings", () => {
  let vod: Awaited<ReturnType<typeof newVod>>;
  let known: string[];
  beforeAll(async () => {
    vod = await newVod({ user: owner, parts: [{ epoch: "a" }] });
    const parts = await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id));
    known = [
      ...parts.map((part) => part.object_key),
      ...["thumbnail.jpg", "storyboard.jpg"].map((name) => `vods/${vod.public_id}/${name}`),
    ];
    for (const key of known) await bucket.put(key, 10, OLD);
  });

  test("what no row knows goes, and nothing else", async () => {
    logged("warn");
    const orphans = [`vods/${newId()}/e-0.mp4`, `vods/${vod.public_id}/gone-0.mp4`, `vods/${newId()}/thumbnail.jpg`];
    for (const key of orphans) await bucket.put(key, 10, OLD);
    const young = `vods/${newId()}/e-0.mp4`;
    await bucket.put(young, 10, Date.now() - 23 * HOUR_MS);
    const foreign = ["vods/readme.txt", "vods/old/e-0.mp4", "other/e-0.mp4"];
    for (const key of foreign) await bucket.put(key, 10, OLD);
    const lost = await pending(`vods/${newId()}/e-0.mp4`);
    const fresh = await pending(`vods/${newId()}/e-0.mp4`, Date.now());
    const ofNobody = await pending("vods/other");
    const [part] = await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id));
    const object_key = `vods/${vod.public_id}/open-0.mp4`;
    const open = await pending(object_key);
    const uploading = { ...part!, id: "part_open", epoch: "open", state: "uploading" as const, object_key };
    await db.insert(vod_parts).values({ ...uploading, upload_id: open });
    const double = await pending(object_key);

    expect(await sweepOrphans(system())).toBe(orphans.length + 2);
    await removeDoomed(system());
    for (const key of orphans) expect(await isThere(key), key).toBe(false);
    for (const key of [...known, young, ...foreign]) expect(await isThere(key), key).toBe(true);
    const left = await uploads();
    for (const id of [fresh, ofNobody, open]) expect(left).toContain(id);
    for (const id of [lost, double]) expect(left).not.toContain(id);
  });

  test("is looked for once a day", async () => {
    logged("warn");
    expect(await sweepOrphans(system())).toBe(0);
    const key = `vods/${newId()}/e-0.mp4`;
    await bucket.put(key, 10, OLD);
    await bucket.look();
    expect(await sweepOrphans(at(23 * HOUR_MS))).toBe(0);
    expect((await bucket.look()).asked).toEqual([]);
    expect(await sweepOrphans(at(24 * HOUR_MS + 1000))).toBeGreaterThan(0);
  });

  test("a dry run only tells, and off does not look", async () => {
    const warnings = logged("warn");
    const key = `vods/${newId()}/e-0.mp4`;
    await bucket.put(key, 10, OLD);
    const id = await pending(`vods/${newId()}/e-0.mp4`);
    await bucket.look();
    expect(await sweepOrphans({ ...system(), ...mode("off") })).toBe(0);
    expect((await bucket.look()).asked).toEqual([]);
    expect(await sweepOrphans({ ...system(), ...mode("dry-run") })).toBe(0);
    expect(warnings.join()).toContain(key);
    expect(await db.select().from(doomed_objects)).toEqual([]);
    expect(await isThere(key)).toBe(true);
    expect(await uploads()).toContain(id);
  });

  test("goes on in the next minute where there is much", async () => {
    logged("warn");
    const keys = Array.from({ length: 25 }, () => `vods/${newId()}/e-0.mp4`);
    for (const key of keys) await bucket.put(key, 1, OLD);
    await bucket.pageSize(2);
    const first = await sweepOrphans(system());
    expect(first).toBeLessThanOrEqual(20);
    expect((await readSetting(system(), "orphan_sweep")).at).toMatchObject({ list: "objects" });
    // Other files have left objects, too.
    for (let minute = 0; minute < 200; minute++) {
      if ((await readSetting(system(), "orphan_sweep")).at === null) break;
      await sweepOrphans(system());
    }
    expect((await readSetting(system(), "orphan_sweep")).at).toBeNull();
    const doomed = new Set((await db.select().from(doomed_objects)).map((row) => row.key));
    for (const key of keys) expect(doomed.has(key)).toBe(true);
  });

  test("works with an S3 that cannot list uploads", async () => {
    logged("warn");
    await bucket.unsupported("ListMultipartUploads");
    await sweepOrphans(system());
    expect((await readSetting(system(), "orphan_sweep")).at).toBeNull();
  });

  test("is not kept for ever by an S3 that repeats a page", async () => {
    const warnings = logged("warn");
    const page = `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken></ListBucketResult>`;
    const more = `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>again</NextKeyMarker></ListMultipartUploadsResult>`;
    let asked = 0;
    const S3 = {
      fetch: async (request: Request) => {
        asked += 1;
        return new Response(request.url.includes("uploads") ? more : page);
      },
    } as unknown as Fetcher;
    await sweepOrphans({ ...system(), env: { ...bindings, S3 } });
    expect(asked).toBe(4);
    expect(warnings.filter((line) => line.includes("repeats a page"))).toHaveLength(2);
    expect((await readSetting(system(), "orphan_sweep")).at).toBeNull();
  });

  test("an upload that cannot be aborted keeps no other", async () => {
    logged("warn");
    logged("error");
    const [refused, other] = [`vods/${newId()}/a-0.mp4`, `vods/${newId()}/b-0.mp4`];
    const kept = await pending(refused);
    const gone = await pending(other);
    const fault = { operation: "AbortMultipartUpload", key: refused, times: 1 } as const;
    await bucket.fault({ ...fault, effect: { status: 403, code: "AccessDenied" } });
    await sweepOrphans(system());
    const left = await uploads();
    expect([left.includes(kept), left.includes(gone)]).toEqual([true, false]);
    expect((await readSetting(system(), "orphan_sweep")).at).toBeNull();
  });

  test("begins anew in an hour when S3 fails", async () => {
    logged("error");
    await bucket.fault({ operation: "ListObjectsV2", times: 3, effect: { status: 503, code: "SlowDown" } });
    expect(await sweepOrphans(system())).toBe(0);
    await bucket.look();
    await sweepOrphans(at(50 * 60_000));
    expect((await bucket.look()).asked).toEqual([]);
    logged("warn");
    await sweepOrphans(at(61 * 60_000));
    expect((await bucket.look()).asked).toContain("ListObjectsV2");
  });
});

test("an S3 that does not answer is not asked about all that is to be removed", async () => {
  logged("error");
  for (const n of [1, 2, 3]) await db.insert(doomed_objects).values({ key: `vods/${newId()}/${n}`, created_at: n });
  // One removal, with its repetitions.
  await bucket.fault({ operation: "DeleteObject", times: 3, effect: { cut: "answer" } });
  expect(await removeDoomed(system())).toBe(0);
  const attempts = (await db.select().from(doomed_objects)).map((doomed) => doomed.attempts);
  expect(attempts.toSorted()).toEqual([0, 0, 1]);
  expect(await removeDoomed(system())).toBe(2);
});
