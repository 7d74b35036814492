/** What the live process asks of the control plane. In production it speaks to the supervisor over IPC (`link/`). */
import type {
  AuthoriseReply,
  AuthoriseRequest,
  EndReason,
  LinkKeys,
  RunningJob,
  StreamEvent,
  StreamProgress,
} from "#contract/media";
import type { RecordingPoke } from "../recorder/part-files.ts";

export interface Control {
  /** Never rejects: a control plane that is away is `{ok: false, reason: "unavailable"}` or a cached grant. */
  authorise(request: AuthoriseRequest): Promise<AuthoriseReply>;
  /** Events of one publish session, in order. The link adds the fence and the sequence number. */
  event(job: { job_id: string; attempt: number; lease: string }, progress: StreamProgress, body: StreamEvent): void;
  /** A recording on disk came further. */
  recording(poke: RecordingPoke): void;
}

/** What the live process offers the link. */
export interface LiveProcess {
  /** Where it listens, also when 0 was asked for. */
  readonly ports: { rtmp: number; http: number };
  running(): RunningJob[];
  viewers(): { stream_id: number; viewers: number }[];
  stop(job_id: string, lease: string, reason: EndReason): void;
  /** Stop what is not in `desired` (`welcome`); jobs that were let in from the cache take their new grant. */
  reconcile(desired: { job_id: string; lease: string }[]): void;
  keys(keys: LinkKeys): void;
  /** Refuse the stream's path tokens of older generations. */
  revoke(stream_id: number, generation: number): void;
  drain(seconds: number): Promise<void>;
}
