/** What a `LiveStream` object keeps, as one JSON document. */
import { z } from "zod";
import { LiveState } from "#contract/live";
import { StreamProgress } from "#contract/media";

const Worker = z.object({ id: z.string(), play_url: z.string() });
export type Worker = z.infer<typeof Worker>;
const Publisher = z.object({ job_id: z.string(), lease: z.string(), worker: Worker, ready: z.boolean() });

/** What is to be told of a session's recording; the newest of a session counts. */
const RecordingNews = z.object({
  session: z.string(),
  /** Over, or going on after it was said to be over. */
  over: z.boolean(),
  /** How often the session came to an end. */
  ends: z.number().int(),
});
export type RecordingNews = z.infer<typeof RecordingNews>;

/** What D1 shows of the state, under `version`. */
const Projection = z.object({
  is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  viewer_count: z.number(),
  total_views: z.number(),
  started_at: z.number().nullable(),
  ended_at: z.number().nullable(),
  last_target_duration: z.number().nullable(),
});
export type Projection = z.infer<typeof Projection>;

export const LiveRecord = z.object({
  stream_id: z.number().int(),
  stream_name: z.string(),
  owner_username: z.string(),
  state: LiveState,
  session: z.string().nullable(),
  epoch: z.string().nullable(),
  /** How often this session was announced as live: more than once when it came back after its offline event. */
  announced: z.number(),
  publisher: Publisher.nullable(),
  /** Lease of the publisher whose worker went away; it may come back as long as nobody else came. */
  lost_lease: z.string().nullable(),
  /** Whether anything of the session is recorded. */
  recorded: z.boolean().default(false),
  /** How often the session came to an end: more than once when it came back after one. */
  ends: z.number().int().default(0),
  /** Not told yet. */
  recording_news: z.array(RecordingNews).default([]),
  /** Until when the recording of the session that ended is waited for. */
  encoding_until: z.number().nullable().default(null),
  /** Who holds the stream's window. */
  worker: Worker.nullable(),
  generation: z.number().int(),
  grace_until: z.number().nullable(),
  linger_until: z.number().nullable(),
  /** When publishers were replaced, within the last minute. */
  takeovers: z.array(z.number()),
  /** The furthest known point of the stream; `exact` when nothing can have come after it. */
  position: z.object({ progress: StreamProgress, at: z.number(), exact: z.boolean() }).nullable(),
  warnings: z.array(z.string()),
  started_at: z.number().nullable(),
  ended_at: z.number().nullable(),
  last_target_duration: z.number().nullable(),
  viewers: z.number(),
  /** Of this session. Added to `total_views` at its end. */
  peak_viewers: z.number(),
  total_views: z.number(),
  viewers_projected_at: z.number(),
  projection: Projection,
  version: z.number().int(),
});
export type LiveRecord = z.infer<typeof LiveRecord>;

export const newLiveRecord = (streamId: number): LiveRecord => ({
  stream_id: streamId,
  stream_name: "",
  owner_username: "",
  state: "offline",
  session: null,
  epoch: null,
  announced: 0,
  publisher: null,
  lost_lease: null,
  recorded: false,
  ends: 0,
  recording_news: [],
  encoding_until: null,
  worker: null,
  generation: 0,
  grace_until: null,
  linger_until: null,
  takeovers: [],
  position: null,
  warnings: [],
  started_at: null,
  ended_at: null,
  last_target_duration: null,
  viewers: 0,
  peak_viewers: 0,
  total_views: 0,
  viewers_projected_at: 0,
  projection: {
    is_live: 0,
    viewer_count: 0,
    total_views: 0,
    started_at: null,
    ended_at: null,
    last_target_duration: null,
  },
  version: 0,
});
