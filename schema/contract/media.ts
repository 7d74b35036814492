/**
 * The media link: what a media worker and the control plane say to each other over one WebSocket
 * (`/internal/media/link`), and the jobs they talk about. Two unions, tagged by `type`.
 *
 * Times are UTC milliseconds, durations are named with their unit.
 */
import * as z from "zod";
import { TaskKind, TaskOrder, TaskRef } from "./tasks.ts";

export const LINK_VERSION = 2;
/** Close codes of the link socket. */
export const LINK_CLOSE = {
  replaced: 4001,
  badFrame: 4002,
  unauthorised: 4003,
  unsupportedVersion: 4004,
} as const;

export const Role = z.enum(["ingest", "play", "record", "transcode", "proxy", "relay"]);
export type Role = z.infer<typeof Role>;

/** Who is to blame for a failure. Only `internal` pages anyone. */
export const Blame = z.enum(["input", "upstream", "internal"]);
export type Blame = z.infer<typeof Blame>;

/** An ingest job is born with its publisher; the other kinds are queued (`tasks.ts`). */
export const JobKind = z.enum(["ingest", ...TaskKind.options]);
export type JobKind = z.infer<typeof JobKind>;

export const JobState = z.enum(["queued", "claimed", "running", "stopping", "done", "cancelled", "lost", "failed"]);
export type JobState = z.infer<typeof JobState>;

/** Legal moves. A move that is not in this table is refused. An ingest job is born `running`. */
export const JOB_MOVES = {
  queued: ["claimed", "cancelled"],
  claimed: ["running", "cancelled", "lost"],
  running: ["stopping", "done", "failed", "lost"],
  stopping: ["done", "failed", "lost"],
  // `lost → running`: the worker that was thought dead still carries it in `hello.running`, lease unchanged.
  lost: ["queued", "failed", "running"],
  done: [],
  cancelled: [],
  failed: [],
} as const satisfies Record<JobState, readonly JobState[]>;

/** Why a publish session ended. */
export const EndReason = z.enum([
  "finished", // the encoder said so
  "disconnected", // the socket went away
  "stalled", // no media for 15 s
  "taken_over", // a newer publisher has the same key
  "stopped", // the control plane ordered it (stream deleted, key regenerated)
  "unsupported", // codec we do not take
  "protocol_error",
  "too_slow", // limits on held bytes
  "worker_stopped", // drain or shutdown
]);
export type EndReason = z.infer<typeof EndReason>;

/** Why a publisher is not let in. */
export const RefuseReason = z.enum([
  "unknown_key",
  "not_allowed", // e.g. a bare live_ key on plain RTMP from afar
  "busy", // stream policy `refuse` and somebody publishes
  "too_many_takeovers",
  "overloaded",
  "unavailable", // the control plane is away and the key is not in the cache
]);
export type RefuseReason = z.infer<typeof RefuseReason>;

export const TrackInfo = z.object({
  kind: z.enum(["video", "audio"]),
  /** RFC 6381, e.g. `avc1.64001f`, `mp4a.40.2`. */
  codec: z.string().max(64),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  frame_rate: z.number().optional(),
  sample_rate: z.number().int().optional(),
  channels: z.number().int().optional(),
});
export type TrackInfo = z.infer<typeof TrackInfo>;

/** How far a live stream has come: enough to go on with continuous numbers on another process. */
export const StreamProgress = z.object({
  stream_id: z.number().int(),
  session: z.string().max(64),
  epoch: z.string().max(32),
  /** The next media sequence number that will be used. */
  next_msn: z.number().int().nonnegative(),
  /** Discontinuity sequence number (RFC 8216 section 6.2.1) of the newest segment. */
  discontinuity_sequence: z.number().int().nonnegative(),
  target_duration_s: z.number().positive(),
  bytes_in: z.number().int().nonnegative(),
});
export type StreamProgress = z.infer<typeof StreamProgress>;

/** One running ingest job, as a worker reports it. `ready` = the first keyframe or audio came. */
export const RunningJob = z.object({
  job_id: z.string().max(64),
  attempt: z.number().int().positive(),
  lease: z.string().max(64),
  kind: z.literal("ingest"),
  ready: z.boolean(),
  started_at: z.number().int(),
  /** A session that a worker let in from its cache while the control plane was away: no job row exists yet. */
  offline: z.boolean().optional(),
  /** Of an `offline` session: SHA-256 (base64url) of its stream key, so that a key changed meanwhile ends it. */
  key_hash: z.string().max(64).optional(),
  /** Of an `offline` session: it is recorded, as the stream wanted when its key was last let in. */
  record: z.boolean().optional(),
  tracks: z.array(TrackInfo).max(8),
  warnings: z.array(z.string().max(300)).max(16),
  progress: StreamProgress,
});
export type RunningJob = z.infer<typeof RunningJob>;

export const Capacity = z.object({
  publishers: z.number().int().nonnegative(),
  max_publishers: z.number().int().positive(),
  /** Tasks that cost something: `finish` only waits for the upload, and takes no room. */
  tasks: z.number().int().nonnegative(),
  /** 0 while it drains: it still finishes what it recorded. */
  max_tasks: z.number().int().nonnegative(),
});
export type Capacity = z.infer<typeof Capacity>;

/** What the control plane grants a publisher. */
export const PublishGrant = z.object({
  job_id: z.string(),
  attempt: z.number().int().positive(),
  lease: z.string(),
  stream_id: z.number().int().positive(),
  /** The live session: stays the same over reconnects inside the grace. */
  session: z.string(),
  /** Unique per publish session; part of every segment, part and init name. */
  epoch: z.string(),
  /**
   * Numbers of the epoch's first segment, beyond all that viewers may have seen. For a worker that does not hold the
   * stream's window any more; one that does goes on from its own numbers.
   */
  first_msn: z.number().int().nonnegative(),
  discontinuity_sequence: z.number().int().nonnegative(),
  /** GOP length (s) the stream had last time: fixes TARGETDURATION from the start. */
  last_target_duration_s: z.number().positive().nullable(),
  policy: z.object({
    /** What a second publisher does to the first. */
    second_publisher: z.enum(["takeover", "refuse"]),
    max_bitrate_bps: z.number().int().positive(),
    /** Whether this session is recorded. */
    record: z.boolean(),
  }),
});
export type PublishGrant = z.infer<typeof PublishGrant>;

export const AuthoriseRequest = z.object({
  protocol: z.enum(["rtmp", "rtmps"]),
  app: z.string().max(256),
  key: z.string().max(512),
  ip: z.string().max(64),
});
export type AuthoriseRequest = z.infer<typeof AuthoriseRequest>;

export const AuthoriseReply = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), grant: PublishGrant }),
  z.object({ ok: z.literal(false), reason: RefuseReason, message: z.string() }),
]);
export type AuthoriseReply = z.infer<typeof AuthoriseReply>;

/** `spool_full`: more is waiting to be uploaded than the worker may hold. `disk`: its disk is full or failed. */
export const RecordingRefusal = z.enum(["spool_full", "disk"]);
export type RecordingRefusal = z.infer<typeof RecordingRefusal>;

/** Something a live ingest job has to say. `ended` is terminal: spooled and POSTed until 2xx. */
export const StreamEvent = z.discriminatedUnion("event", [
  /** First keyframe or audio: the stream is live. */
  z.object({ event: z.literal("ready"), tracks: z.array(TrackInfo), target_duration_s: z.number() }),
  /** Tracks or their parameters changed. */
  z.object({ event: z.literal("tracks"), tracks: z.array(TrackInfo) }),
  z.object({ event: z.literal("warning"), message: z.string().max(300) }),
  /** Nothing (more) of this session is recorded; the stream goes on. */
  z.object({ event: z.literal("recording_refused"), cause: RecordingRefusal, message: z.string().max(300) }),
  /** It is recorded again. `message`: that of the refusal which is over. */
  z.object({ event: z.literal("recording_resumed"), message: z.string().max(300) }),
  z.object({ event: z.literal("ended"), reason: EndReason, blame: Blame.nullable(), ended_at: z.number().int() }),
]);
export type StreamEvent = z.infer<typeof StreamEvent>;

/** A stream event with its fence and its idempotency key `job_id:attempt:seq`. */
export const JobReport = z.object({
  job_id: z.string().max(64),
  attempt: z.number().int().positive(),
  seq: z.number().int().nonnegative(),
  lease: z.string().max(64),
  progress: StreamProgress,
  body: StreamEvent,
});
export type JobReport = z.infer<typeof JobReport>;

/** A secret shared by the edge and one media worker, valid for one period (`kid` = period number). */
export const LinkKey = z.object({ kid: z.number().int(), secret: z.string() });
export type LinkKey = z.infer<typeof LinkKey>;
/** The previous, the current and the next key of each use. */
export const LinkKeys = z.object({ request: z.array(LinkKey), path: z.array(LinkKey) });
export type LinkKeys = z.infer<typeof LinkKeys>;

/** How a task fares. After `failed` the control plane decides whether there is another attempt. */
export const TaskEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("running") }),
  z.object({ event: z.literal("done") }),
  z.object({ event: z.literal("failed"), blame: Blame, message: z.string().max(300) }),
]);
export type TaskEvent = z.infer<typeof TaskEvent>;

/** media worker → control plane */
export const UpFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    version: z.number().int(),
    /** New at each start of the process: tells a restart from a reconnect. */
    boot: z.string().max(64),
    roles: z.array(Role),
    capacity: Capacity,
    /** Where this worker's play server is reached, e.g. `https://media1.example.com`. */
    play_url: z.string().max(512),
    rtmp_url: z.string().max(512),
    running: z.array(RunningJob).max(500),
    /** Tasks that run here, or whose end was not acknowledged yet. */
    tasks: z.array(TaskRef).max(100),
  }),
  z.object({
    type: z.literal("heartbeat"),
    capacity: Capacity,
    rss_bytes: z.number().int(),
    progress: z.array(StreamProgress).max(500),
    /** Viewers this worker counted itself (`PLAYBACK=direct`). */
    viewers: z.array(z.object({ stream_id: z.number().int(), viewers: z.number().int().nonnegative() })).max(500),
  }),
  z.object({ type: z.literal("authorise"), rid: z.string().max(64), request: AuthoriseRequest }),
  z.object({ type: z.literal("job_event"), report: JobReport }),
  /** Said until `task_settled` answers it. */
  z.object({ type: z.literal("task_event"), task: TaskRef, body: TaskEvent }),
]);
export type UpFrame = z.infer<typeof UpFrame>;

/** control plane → media worker */
export const DownFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    version: z.number().int(),
    worker_id: z.string(),
    /** Jobs that may go on. What the worker runs beyond these it stops as `stopped`. */
    desired: z.array(z.object({ job_id: z.string(), lease: z.string(), grant: PublishGrant })),
    heartbeat_seconds: z.number(),
    lease_seconds: z.number(),
    keys: LinkKeys,
  }),
  z.object({ type: z.literal("authorised"), rid: z.string(), reply: AuthoriseReply }),
  z.object({ type: z.literal("stop"), job_id: z.string(), lease: z.string(), reason: EndReason }),
  z.object({ type: z.literal("keys"), keys: LinkKeys }),
  /** Path tokens of the stream's older generations are refused from now on. Said again after each welcome. */
  z.object({ type: z.literal("revoke"), stream_id: z.number().int(), generation: z.number().int() }),
  z.object({ type: z.literal("drain"), seconds: z.number() }),
  /** A queued job was claimed for this worker. */
  z.object({ type: z.literal("assign"), task: TaskRef, order: TaskOrder }),
  /** The task's end is on record, or the attempt is over: the worker forgets it, and stops it if it still runs. */
  z.object({ type: z.literal("task_settled"), task: TaskRef }),
]);
export type DownFrame = z.infer<typeof DownFrame>;

/** `POST /internal/media/enrol`: a one-use token for an Ed25519 public key. */
export const EnrolRequest = z.object({
  token: z.string().min(16).max(200),
  name: z.string().min(1).max(64),
  /** Raw 32-byte Ed25519 public key, base64url. */
  public_key: z.string().length(43),
});
export const EnrolReply = z.object({ worker_id: z.string() });

/** `POST /internal/media/reports`: spooled terminal events, at least once, idempotent by their key. */
export const ReportBatch = z.object({ reports: z.array(JobReport).max(100) });
