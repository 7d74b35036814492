/** Recordings for tests: rows as the control plane writes them, objects in the bucket, and requests for them. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import type { Run } from "../../schema/contract/recording.ts";
import type { Visibility, VodStatus } from "../../schema/contract/vods.ts";
import { vod_parts, vods } from "../../schema/tables/vods.ts";
import { app } from "../../workers/application.ts";
import { type Env, parseEnv } from "../../workers/core/env.ts";
import { objectStore } from "../../workers/core/s3.ts";
import { mintVodToken, type TokenUse } from "../../workers/vods/token.ts";
import { bindings, db, ORIGIN, system } from "./client.ts";

/** Bytes that tell where they are from. */
export const mediaBytes = (length: number, seed = 0) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + seed + (index >> 8)) % 256);

export async function putObject(key: string, bytes: Uint8Array<ArrayBuffer>, contentType = "video/mp4"): Promise<void> {
  const url = await objectStore(system()).presignPut(key, { seconds: 60, contentType });
  const request = { method: "PUT", headers: { "content-type": contentType }, body: bytes };
  const response = await (bindings.S3 ?? globalThis).fetch(url, request);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`no object: ${response.status}`);
}

export const isStored = async (key: string) => (await objectStore(system()).head(key)) !== null;

export type NewPart = Partial<typeof vod_parts.$inferInsert> & { runs?: Run[] };
export type NewVod = {
  user: { id: number };
  stream?: { id: number };
  visibility?: Visibility;
  status?: VodStatus;
  title?: string;
  started_at?: number;
  parts?: NewPart[];
  row?: Partial<typeof vods.$inferInsert>;
};

let made = 0;

const newPublicId = () => {
  made += 1;
  return `vod_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
};

export async function newVod({ user, stream, parts = [{}], row = {}, ...fields }: NewVod) {
  const now = Date.now();
  const public_id = newPublicId();
  const vod = await db
    .insert(vods)
    .values({
      public_id,
      user_id: user.id,
      stream_id: stream?.id ?? null,
      session: `s${made}`,
      title: "Evening show",
      visibility: "public",
      status: "ready",
      started_at: now - 60_000,
      gaps: [],
      created_at: now,
      updated_at: now,
      ...fields,
      ...row,
    })
    .returning()
    .get();
  for (const [index, part] of parts.entries()) {
    const epoch = part.epoch ?? `t${made}`;
    const n = part.n ?? index;
    await db.insert(vod_parts).values({
      id: `part_${made}_${index}`,
      vod_id: vod.id,
      epoch,
      n,
      worker_id: "mw_1",
      state: "done",
      object_key: `vods/${public_id}/${epoch}-${n}.mp4`,
      started_at: vod.started_at,
      duration_ms: 8_000,
      size: 3_000,
      width: 1280,
      height: 720,
      frame_rate: 30,
      codecs: "avc1.64001f,mp4a.40.2",
      init_bytes: 100,
      header_bytes: 1_000,
      runs: [
        [1_200, 4_000],
        [800, 4_000],
      ],
      end: "finished",
      updated_at: now,
      ...part,
    });
  }
  return vod;
}

export const MEDIA = mediaBytes(3_000);
export const JPEG = mediaBytes(700, 9);

/** With its objects in the bucket: each part is `MEDIA`, each picture `JPEG`. */
export async function storedVod(fields: NewVod) {
  const row = {
    has_thumbnail: 1,
    storyboard: { columns: 1, rows: 1, tile_width: 160, tile_height: 90, count: 1, step: 10 },
    ...fields.row,
  };
  const vod = await newVod({ ...fields, row });
  const parts = await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id));
  for (const { object_key } of parts) await putObject(object_key, MEDIA);
  for (const name of ["thumbnail", "storyboard"])
    await putObject(`vods/${vod.public_id}/${name}.jpg`, JPEG, "image/jpeg");
  return vod;
}

type Named = { public_id: string };

export const vodPath = (vod: Named, name = "") => `/api/vod/${vod.public_id}${name && `/${name}`}`;
export const vodToken = (vod: Named, use: TokenUse, now = Date.now()) =>
  mintVodToken(parseEnv(bindings), vod.public_id, use, now);

/** The bytes as they come, and the application on other bindings. */
export async function fetchRaw(path: string, init: RequestInit = {}, changes: Partial<Env> = {}) {
  const execution = createExecutionContext();
  const request = new Request(`${ORIGIN}${path}`, { redirect: "manual", ...init }) as Request<
    unknown,
    IncomingRequestCfProperties
  >;
  const response = await app.fetch(request, { ...bindings, ...changes }, execution);
  const bytes = new Uint8Array(await response.arrayBuffer());
  await waitOnExecutionContext(execution);
  return { status: response.status, headers: response.headers, bytes };
}
