/** Recordings as people see them: one row for every face. */
import * as z from "zod";
import { Title } from "./streams.ts";

export const Visibility = z.enum(["public", "unlisted", "private"]);
export type Visibility = z.infer<typeof Visibility>;

/**
 * `recording → processing → ready | truncated | failed`. A part that comes in later (its worker was away) takes a
 * settled one back to `processing`. `truncated` plays; its end is missing.
 */
export const VodStatus = z.enum(["recording", "processing", "ready", "truncated", "failed"]);
export type VodStatus = z.infer<typeof VodStatus>;

export const VOD_MOVES = {
  recording: ["processing", "ready", "truncated", "failed"],
  processing: ["recording", "ready", "truncated", "failed"],
  ready: ["processing", "recording"],
  truncated: ["processing", "recording"],
  failed: ["processing", "recording"],
} as const satisfies Record<VodStatus, readonly VodStatus[]>;

/** Nothing was recorded between two parts. */
export const Gap = z.object({
  /** Seconds into the VOD, which has no time for the gap itself. */
  at: z.number().nonnegative(),
  /** Seconds. */
  duration: z.number().nonnegative(),
  cause: z.enum(["publisher_away", "worker_away", "spool_full", "disk", "upload_lost"]),
});
export type Gap = z.infer<typeof Gap>;

export const VodPart = z.object({
  /** From 1, in the order they play. */
  n: z.int().positive(),
  duration: z.number().nonnegative().meta({ description: "Seconds" }),
  size: z.int().nonnegative().meta({ description: "Bytes" }),
  width: z.int().nullable(),
  height: z.int().nullable(),
  codecs: z.string().meta({ example: "avc1.64001f,mp4a.40.2" }),
  download_url: z.url().optional().meta({ description: "An MP4 file, for an hour. For the owner only" }),
});
export type VodPart = z.infer<typeof VodPart>;

/** Pictures for the seek bar: one JPEG of `columns` × `rows` tiles, row by row, one per `step` seconds. */
export const Storyboard = z.object({
  url: z.url(),
  columns: z.int().positive(),
  rows: z.int().positive(),
  tile_width: z.int().positive(),
  tile_height: z.int().positive(),
  count: z.int().positive(),
  step: z.number().positive().meta({ description: "Seconds between tiles" }),
});
export type Storyboard = z.infer<typeof Storyboard>;

export const Vod = z.object({
  id: z.int(),
  public_id: z.string().meta({ example: "vod_3k9f0a_q2LmZx7Rt" }),
  stream_id: z.int().nullable().meta({ description: "Null once the stream is deleted" }),
  title: z.string(),
  visibility: Visibility,
  status: VodStatus,
  error: z.string().optional(),
  started_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
  duration: z.number().nonnegative().meta({ description: "Seconds" }),
  size: z.int().nonnegative().meta({ description: "Bytes" }),
  thumbnail_url: z.url().nullable(),
  storyboard: Storyboard.nullable(),
  playback_url: z.url().nullable().meta({ description: "HLS; null while there is nothing to play" }),
  download_url: z
    .url()
    .optional()
    .meta({ description: "The first part as an MP4 file, for an hour. For the owner only, and of one VOD only" }),
  gaps: z.array(Gap),
  parts: z.array(VodPart),
});
export type Vod = z.infer<typeof Vod>;

/** What anybody who may watch it sees: without download addresses. */
export const PublicVod = Vod.omit({ download_url: true, error: true }).extend({
  owner_username: z.string(),
  stream_name: z.string().nullable().meta({ description: "Only while the stream is public" }),
  stream_public_key: z.string().nullable().meta({ description: "Only while the stream is public" }),
});
export type PublicVod = z.infer<typeof PublicVod>;

export const VodList = z.object({
  vods: z.array(Vod),
  total: z.int().nonnegative().meta({ description: "Of all pages" }),
});
export const OneVod = z.object({ vod: Vod });
export const PublicVodList = z.object({ vods: z.array(PublicVod) });
export const OnePublicVod = z.object({ vod: PublicVod });

export const VodUpdate = z
  .object({ title: Title.optional(), visibility: Visibility.optional() })
  .refine(({ title, visibility }) => title !== undefined || visibility !== undefined, {
    error: "must have a title or a visibility",
  })
  .meta({ anyOf: [{ required: ["title"] }, { required: ["visibility"] }] });
export type VodUpdate = z.infer<typeof VodUpdate>;
