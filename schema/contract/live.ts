/** The live state of one stream, owned by its `LiveStream` object, and the RPC that others use. */
import * as z from "zod";
import type { JobReport, PublishGrant, Role, RunningJob, StreamProgress } from "./media.ts";

export const GRACE_MS = 7_000;
/** A recording that is not finished by then is no longer waited for: the stream is shown as offline. */
export const ENCODING_MAX_MS = 300_000;
/** After the end the playlist (with ENDLIST) stays this long. */
export const LINGER_MS = 60_000;

/**
 * `offline → live → grace → encoding → offline`. `starting`: a publisher is let in and has sent nothing playable yet.
 * `encoding` is entered only while a recording is being finished.
 */
export const LiveState = z.enum(["offline", "starting", "live", "grace", "encoding"]);
export type LiveState = z.infer<typeof LiveState>;

export const LIVE_MOVES = {
  offline: ["starting", "live"],
  starting: ["live", "encoding", "offline"],
  live: ["grace", "encoding", "offline", "live"],
  grace: ["live", "starting", "encoding", "offline"],
  encoding: ["offline", "starting"],
} as const satisfies Record<LiveState, readonly LiveState[]>;

/** What playback needs to know. Cached by isolates for at most 2 s. */
export type PlaybackRoute = {
  state: LiveState;
  /** Null when no media worker holds the stream's window any more. */
  worker: { id: string; play_url: string } | null;
  /** Of the newest publish session. Separates cached playlists of different broadcasts. */
  epoch: string | null;
  /** Path tokens minted under an older generation are refused. */
  generation: number;
  started_at: number | null;
  viewer_count: number;
  /** What the streamer should know about what they send, e.g. a track of a codec we do not take. */
  warnings: string[];
};

export type BeginPublish = {
  stream_id: number;
  /** For the events of this session. */
  stream_name: string;
  owner_username: string;
  worker: { id: string; play_url: string };
  job_id: string;
  lease: string;
  second_publisher: "takeover" | "refuse";
  /** The session is recorded: after its end the stream is `encoding` until the recording is settled. */
  record: boolean;
};

export type BeginReply =
  | {
      ok: true;
      /** What replaced publisher's worker must be told to stop, if it is another worker. */
      replaced: { worker_id: string; job_id: string; lease: string } | null;
      /** Path tokens of older generations must not open what is published now. */
      generation: number;
      live: Pick<PublishGrant, "session" | "epoch" | "first_msn" | "discontinuity_sequence" | "last_target_duration_s">;
    }
  | { ok: false; reason: "busy" | "too_many_takeovers"; message: string };

/** RPC of the `LiveStream` object. Its name is the stream's id in decimal. */
export interface LiveStreamRpc {
  begin(request: BeginPublish): Promise<BeginReply>;
  /** A report of the publish session that holds `lease`; anything else is ignored. */
  report(report: JobReport): Promise<void>;
  progress(progress: StreamProgress, lease: string): Promise<void>;
  /** A worker came (back) and still runs this job: true when it may go on. */
  resume(job: RunningJob, worker: { id: string; play_url: string }): Promise<boolean>;
  /** The worker that held `lease` is gone. */
  lost(lease: string): Promise<void>;
  /** End the publish session now (stream deleted, key regenerated) and refuse older path tokens. */
  stop(reason: "deleted" | "key_regenerated"): Promise<void>;
  /** Refuse path tokens minted so far (visibility changed). */
  revoke(): Promise<void>;
  /** The recording of this session is settled: whole, truncated, failed, or there was none. */
  recorded(session: string): Promise<void>;
  playback(): Promise<PlaybackRoute>;
  /** A reporter's viewer count over the last 10 s; forgotten after 20 s. */
  viewers(reporter: string, count: number): Promise<void>;
}

/** RPC of the `MediaNode` object. Its name is the media worker's id. */
export interface MediaNodeRpc {
  stop(order: { job_id: string; lease: string; reason: "stopped" | "taken_over" }): Promise<void>;
  /** Spooled terminal reports that came by HTTP. */
  reports(reports: JobReport[]): Promise<void>;
  /** Path tokens of the stream that are older than this generation must not open its media on the worker itself. */
  revoke(stream_id: number, generation: number): Promise<void>;
  online(): Promise<boolean>;
  /**
   * What the worker could take on now; null while it is away. `tasks`: that cost something; `pinned`: those that wait
   * for what it does anyway, e.g. `finish`.
   */
  room(): Promise<{ tasks: number; pinned: number; roles: Role[] } | null>;
  /** Claims a queued job for this worker and assigns it. False: somebody else was first, or there is no room. */
  claim(job_id: string): Promise<boolean>;
}
