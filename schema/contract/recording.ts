/**
 * How a media worker hands in what it recorded: `POST /internal/media/recordings/…`, authenticated as that worker, each
 * call repeatable. A recording is an ordered list of parts; a part is one object on S3, uploaded as slices of one size.
 *
 *     open ──▶ (sign ──▶ PUT slice ──▶ progress)* ──▶ complete
 *
 * What was recorded is never fenced: a part may be handed in whatever became of the job that fed it. A part is named by
 * `(stream_id, session, epoch, n)`; opening it again gives the same part.
 */
import * as z from "zod";
import { TrackInfo } from "./media.ts";

/** Of each slice but the last. R2 wants equal parts of at least 5 MiB, at most 10,000. */
export const SLICE_BYTES = 8 * 1024 * 1024;
/** `free` between `moov` and the first fragment, for the index that is written at the end. */
export const INDEX_RESERVE_BYTES = 1024 * 1024;
/** A part ends at the first of these. */
export const PART_MAX_BYTES = 32 * 1024 ** 3;
export const PART_MAX_MS = 12 * 3600_000;
/** Upload addresses are handed out in batches of at most so many. */
export const SIGN_BATCH = 16;
/** How long an upload address is good for. */
export const SIGN_LIFETIME_S = 3600;
/** A part whose worker was not heard of for so long is completed with what was uploaded. */
export const ABANDONED_MS = 3600_000;

/** UTC ms until the year 2200: dates can be made of it, and sums of what follows it. */
const Instant = z.number().int().positive().max(7_258_118_400_000);
/** Far beyond `PART_MAX_MS`: what is longer is no length. */
const Duration = z
  .number()
  .int()
  .nonnegative()
  .max(30 * 24 * 3600_000);
/** What 10,000 slices hold. */
const Size = z
  .number()
  .int()
  .nonnegative()
  .max(10_000 * SLICE_BYTES);

/**
 * A stretch of a part that begins with a keyframe (or any frame of audio alone): bytes, milliseconds. Runs follow each
 * other from `header_bytes` on without a gap; at least about four seconds each.
 */
export const Run = z.tuple([Size.positive(), Duration]);
export type Run = z.infer<typeof Run>;
const Runs = z.array(Run).max(30_000);

/** One uploaded slice. `n` from 1, as S3 numbers parts. */
export const Slice = z.object({
  n: z.number().int().min(1).max(10_000),
  size: z.number().int().positive(),
  etag: z.string().min(1).max(200),
});
export type Slice = z.infer<typeof Slice>;

/** Why a part ended. */
export const PartEnd = z.enum([
  "finished", // the publish session ended
  "tracks", // tracks or their parameters changed
  "limit", // 32 GiB or 12 h
  "crashed", // the media worker was killed; found and closed at its next start
  "spool_full",
  "disk", // the disk was full or failed
  "worker_stopped",
]);
export type PartEnd = z.infer<typeof PartEnd>;

export const OpenPart = z.object({
  stream_id: z.number().int().positive(),
  session: z.string().min(1).max(64),
  /** It is in the name of the part's object. */
  epoch: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/),
  /** Number of the part in its epoch, from 0. Parts are ordered by `(epoch, n)`. */
  n: z.number().int().nonnegative(),
  /** UTC ms at which the part's first unit came in. */
  started_at: Instant,
  tracks: z.array(TrackInfo).min(1).max(8),
  /** Bytes of `ftyp` and `moov`, from 0. */
  init_bytes: z.number().int().positive(),
  /** Where the first fragment begins. */
  header_bytes: z.number().int().positive(),
});
export type OpenPart = z.infer<typeof OpenPart>;

/** The control plane does not want this part (any more): its bytes are to be thrown away. */
export const Discard = z.object({ keep: z.literal(false), reason: z.enum(["not_recorded", "deleted"]) });

export const OpenReply = z.discriminatedUnion("keep", [
  z.object({ keep: z.literal(true), part_id: z.string().max(64), vod: z.string() }),
  Discard,
]);
export type OpenReply = z.infer<typeof OpenReply>;

export const SignSlices = z.object({
  part_id: z.string().max(64),
  /** First slice. */
  from: z.number().int().min(1).max(10_000),
  count: z.number().int().min(1).max(SIGN_BATCH),
});
export type SignSlices = z.infer<typeof SignSlices>;
export const SignReply = z.discriminatedUnion("keep", [
  z.object({
    keep: z.literal(true),
    /** `PUT` the slice there. */
    urls: z.array(z.object({ n: z.number().int(), url: z.url() })),
    /** UTC ms. */
    expires_at: z.number().int(),
  }),
  Discard,
]);
export type SignReply = z.infer<typeof SignReply>;

/** What is known of a part so far. `runs`: those that end after the ones reported before; none is reported twice. */
export const PartProgress = z.object({
  part_id: z.string().max(64),
  /** Uploaded since the last report. */
  slices: z.array(Slice).max(1_000),
  /** Index of the first of `runs` among all runs of the part. */
  first_run: z.number().int().nonnegative(),
  runs: Runs,
  /** Recorded so far, uploaded or not. */
  size: Size,
  duration_ms: Duration,
});
export type PartProgress = z.infer<typeof PartProgress>;
export const ProgressReply = z.discriminatedUnion("keep", [z.object({ keep: z.literal(true) }), Discard]);
export type ProgressReply = z.infer<typeof ProgressReply>;

/** All of the part is uploaded. `runs`: all of them. */
export const CompletePart = z.object({
  part_id: z.string().max(64),
  slices: z.array(Slice).min(1).max(10_000),
  runs: Runs.min(1),
  size: Size.positive(),
  duration_ms: Duration,
  end: PartEnd,
});
export type CompletePart = z.infer<typeof CompletePart>;
/** `truncated`: it was completed without its end because its worker was away for too long. */
export const CompleteReply = z.discriminatedUnion("keep", [
  z.object({ keep: z.literal(true), state: z.enum(["done", "truncated"]) }),
  Discard,
]);
export type CompleteReply = z.infer<typeof CompleteReply>;
