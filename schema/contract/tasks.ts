/**
 * Queued jobs ("tasks"): work the control plane hands to a media worker that has room for it. The row in `jobs` is the
 * truth; one compare-and-set claims it and mints the lease. Every task may be repeated from its start.
 */
import * as z from "zod";

export const TaskKind = z.enum(["finish", "thumbnail"]);
export type TaskKind = z.infer<typeof TaskKind>;

/** What the row of a task says it is about. `vod_id`: of a thumbnail. */
export const TaskSpec = z.object({
  vod_id: z.number().int().optional(),
  stream_id: z.number().int(),
  session: z.string().max(64),
});
export type TaskSpec = z.infer<typeof TaskSpec>;

/** One picture to be decoded: a fragment that begins with a keyframe. */
export const Frame = z.object({
  /** Index into `sources`. */
  source: z.number().int().nonnegative(),
  /** Bytes of the object; the keyframe is the first sample of the fragment that begins at `offset`. */
  offset: z.number().int().nonnegative(),
  size: z.number().int().positive(),
  /** Seconds into the VOD. */
  at: z.number().nonnegative(),
});
export type Frame = z.infer<typeof Frame>;

/** What a worker is to do. */
export const TaskOrder = z.discriminatedUnion("kind", [
  /** Hand in all that this worker recorded of the session: done when nothing of it is left here. */
  z.object({ kind: z.literal("finish"), stream_id: z.number().int(), session: z.string().max(64) }),
  /** Make the poster (`poster`, from its frame) and the storyboard (`frames`, one tile each) and `PUT` both as JPEG. */
  z.object({
    kind: z.literal("thumbnail"),
    /** Presigned `GET` per part; `init_bytes`: its `ftyp` and `moov`. */
    sources: z.array(z.object({ url: z.url(), init_bytes: z.number().int().positive() })).min(1),
    poster: Frame,
    frames: z.array(Frame).max(225),
    /** Tiles, row by row. */
    storyboard: z.object({
      columns: z.number().int().positive(),
      rows: z.number().int().positive(),
      tile_width: z.number().int().positive(),
      tile_height: z.number().int().positive(),
    }),
    /** Presigned `PUT`, content type `image/jpeg`. */
    put_poster: z.url(),
    put_storyboard: z.url(),
  }),
]);
export type TaskOrder = z.infer<typeof TaskOrder>;

/** Names one attempt. */
export const TaskRef = z.object({
  /** Says what it is of, e.g. `finish:<stream>:<session>:<epoch>:<worker>`. */
  job_id: z.string().max(200),
  attempt: z.number().int().positive(),
  lease: z.string().max(64),
});
export type TaskRef = z.infer<typeof TaskRef>;
