import { type CompletePart, type CompleteReply, SLICE_BYTES } from "#contract/recording";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { log } from "../core/log.ts";
import { objectStore, REFUSES_SLICES, S3Error } from "../core/s3.ts";
import { doomStatement } from "./doomed.ts";
import { closePart, discarded, findPart, isGoneForGood, type PartRow } from "./recorded-parts.ts";
import { trySettleVod } from "./settle-vod.ts";

/**
 * All of a part is uploaded: makes the object of it. May be repeated, whatever became of an earlier reply. Throws
 * `invalid_request`, `not_found` when it is another worker's, `storage_unavailable`.
 */
export async function completePart(ctx: Ctx, workerId: string, completed: CompletePart): Promise<CompleteReply> {
  const part = await findPart(ctx, workerId, completed.part_id);
  if (!part || part.state === "failed") return discarded("deleted");
  if (part.state !== "uploading") return { keep: true, state: part.state };
  check(part, completed);
  if (part.upload_id === null) throw new ApiError("invalid_request", "nothing of the part was uploaded");
  if (!(await makeObject(ctx, part, part.upload_id, completed))) {
    log("error", "the upload of a part is gone", { part_id: part.id, key: part.object_key });
    await closePart(ctx, part, "failed");
    await trySettleVod(ctx, part.vod_id);
    return discarded("deleted");
  }
  const { size, duration_ms, runs, end } = completed;
  if (!(await closePart(ctx, part, "done", { size, duration_ms, runs, end }))) return afterwards(ctx, workerId, part);
  await trySettleVod(ctx, part.vod_id);
  return { keep: true, state: "done" };
}

function check({ header_bytes }: PartRow, { slices, runs, size }: CompletePart): void {
  for (const [index, slice] of slices.entries()) {
    if (slice.n !== index + 1) throw bad(`slice ${index + 1} is missing`);
    const isLast = index === slices.length - 1;
    if (isLast ? slice.size > SLICE_BYTES : slice.size !== SLICE_BYTES) throw bad(`slice ${slice.n} has a wrong size`);
  }
  const uploaded = slices.reduce((sum, slice) => sum + slice.size, 0);
  if (uploaded !== size) throw bad(`the slices have ${uploaded} bytes, the part ${size}`);
  const described = runs.reduce((sum, [bytes]) => sum + bytes, header_bytes);
  if (described !== size) throw bad(`header and runs have ${described} bytes, the part ${size}`);
}

/** False: the upload is gone without having become an object. */
async function makeObject(ctx: Ctx, part: PartRow, uploadId: string, { slices, size }: CompletePart): Promise<boolean> {
  const store = objectStore(ctx);
  try {
    await store.completeUpload(part.object_key, uploadId, slices);
    return true;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    if (REFUSES_SLICES.has(error.code)) throw bad(`S3 does not take the slices: ${error.code}`);
    if (error.code !== "NoSuchUpload") throw error;
    // It worked before and the reply was lost, or the part was completed here meanwhile, without its end.
    const object = await store.head(part.object_key);
    if (object?.size === size) return true;
    if (object || !isGoneForGood(ctx, part)) throw error;
    return false;
  }
}

/** Somebody was faster: another call of this, the sweep, or the owner who deleted it. */
async function afterwards(ctx: Ctx, workerId: string, part: PartRow): Promise<CompleteReply> {
  const now = await findPart(ctx, workerId, part.id);
  if (now?.state === "done" || now?.state === "truncated") return { keep: true, state: now.state };
  await commit(ctx, [doomStatement(ctx, part.object_key)], []);
  return discarded("deleted");
}

const bad = (message: string) => new ApiError("invalid_request", message);
