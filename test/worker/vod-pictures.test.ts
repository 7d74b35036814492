/** What a media worker is told about a recording's pictures, and what is shown once it has made them. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { TaskOrder } from "../../schema/contract/tasks.ts";
import { vods } from "../../schema/tables/vods.ts";
import { keepThumbnail } from "../../workers/vods/keep-thumbnail.ts";
import { taskOrder } from "../../workers/vods/task-order.ts";
import { bindings, call, db, newUser, ORIGIN, system } from "./client.ts";
import { mediaBytes, type NewPart, newVod, putObject } from "./recordings.ts";

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser();
});

type Vod = { id: number; public_id: string };
type ThumbnailOrder = Extract<TaskOrder, { kind: "thumbnail" }>;

const reach = (url: string, init: RequestInit<RequestInitCfProperties> = {}) =>
  (bindings.S3 ?? globalThis).fetch(url, init);
const order = (vod_id?: number) =>
  taskOrder(system(), {
    kind: "thumbnail",
    spec: { stream_id: 7, session: "s", ...(vod_id !== undefined && { vod_id }) },
  });

async function thumbnailOrder(vod: Vod): Promise<ThumbnailOrder> {
  const made = TaskOrder.parse(await order(vod.id));
  if (made.kind !== "thumbnail") throw new Error("another order");
  return made;
}

const AUDIO: NewPart = { width: null, height: null, codecs: "mp4a.40.2" };

describe("the order", () => {
  test("leads to the very bytes of each frame, and to where the pictures go", async () => {
    const vod = await newVod({ user: owner, parts: [{ epoch: "a" }, { epoch: "b", ...AUDIO }, { epoch: "c" }] });
    const objects = ["a-0", "b-1", "c-2"].map((name, index) => ({ name, bytes: mediaBytes(3_000, index) }));
    for (const { name, bytes } of objects) await putObject(`vods/${vod.public_id}/${name}.mp4`, bytes);
    const { sources, poster, frames, storyboard, put_poster, put_storyboard } = await thumbnailOrder(vod);
    // Nothing is shown of the part without a picture, so it is not handed out.
    expect(sources.map(({ init_bytes }) => init_bytes)).toEqual([100, 100]);
    expect(poster.at).toBe(0);
    expect(frames.map(({ source, at }) => [source, at])).toEqual([
      [0, 0],
      [0, 4],
      [1, 20],
    ]);
    expect(storyboard).toEqual({ columns: 2, rows: 2, tile_width: 160, tile_height: 90 });
    for (const { source, offset, size } of [poster, ...frames]) {
      const range = `bytes=${offset}-${offset + size - 1}`;
      const response = await reach(sources[source]!.url, { headers: { range } });
      expect(response.status).toBe(206);
      const object = objects[source === 0 ? 0 : 2]!;
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(object.bytes.slice(offset, offset + size));
    }

    await keepThumbnail(system(), vod.id);
    expect((await call("GET", `/api/vod/${vod.public_id}`)).body.vod).toMatchObject({
      thumbnail_url: null,
      storyboard: null,
    });
    for (const url of [put_poster, put_storyboard]) {
      const request = { method: "PUT", headers: { "content-type": "image/jpeg" }, body: mediaBytes(50) };
      expect((await reach(url, request)).status).toBe(200);
    }
    await keepThumbnail(system(), vod.id);
    await keepThumbnail(system(), vod.id);
    const { body } = await call("GET", `/api/vod/${vod.public_id}`);
    const at = `${ORIGIN}/api/vod/${vod.public_id}`;
    expect(body.vod.thumbnail_url).toBe(`${at}/thumbnail.jpg`);
    expect(body.vod.storyboard).toEqual({ ...storyboard, url: `${at}/storyboard.jpg`, count: 3, step: 10 });
  });

  test("is none for sound alone, for what cannot be played, and for what is gone", async () => {
    expect(await order((await newVod({ user: owner, parts: [AUDIO] })).id)).toBeNull();
    expect(await order((await newVod({ user: owner, parts: [{ state: "failed" }] })).id)).toBeNull();
    expect(await order((await newVod({ user: owner, parts: [] })).id)).toBeNull();
    expect(await order(9_999_999)).toBeNull();
    expect(await order()).toBeNull();
  });

  test("to finish names the session", async () => {
    const spec = { stream_id: 7, session: "s1" };
    expect(await taskOrder(system(), { kind: "finish", spec })).toEqual({ kind: "finish", ...spec });
  });
});

test("what was kept of a recording that is gone meanwhile is nothing", async () => {
  await keepThumbnail(system(), 9_999_999);
  const vod = await newVod({ user: owner, parts: [AUDIO] });
  await keepThumbnail(system(), vod.id);
  expect(await db.select().from(vods).where(eq(vods.id, vod.id)).get()).toEqual(vod);
});
