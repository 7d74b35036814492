/** What the supervisor and its live process say to each other over Node's IPC channel. */
import * as z from "zod";
import {
  AuthoriseReply,
  AuthoriseRequest,
  EndReason,
  LinkKeys,
  RunningJob,
  StreamEvent,
  StreamProgress,
} from "#contract/media";
import { RecordingPoke } from "../recorder/part-files.ts";

const Viewers = z.array(z.object({ stream_id: z.number().int(), viewers: z.number().int().nonnegative() }));

/** live process → supervisor */
export const FromLive = z.discriminatedUnion("type", [
  z.object({ type: z.literal("listening"), rtmp: z.number().int(), http: z.number().int() }),
  z.object({ type: z.literal("authorise"), rid: z.number().int(), request: AuthoriseRequest }),
  z.object({
    type: z.literal("event"),
    job: z.object({ job_id: z.string(), attempt: z.number().int(), lease: z.string() }),
    progress: StreamProgress,
    body: StreamEvent,
  }),
  z.object({ type: z.literal("snapshot"), rid: z.number().int(), running: z.array(RunningJob), viewers: Viewers }),
  /** Jobs that came further, as soon as they did. */
  z.object({
    type: z.literal("progress"),
    jobs: z.array(z.object({ job_id: z.string(), progress: StreamProgress })),
  }),
  z.object({ type: z.literal("recording"), ...RecordingPoke.shape }),
  z.object({ type: z.literal("drained") }),
]);
export type FromLive = z.infer<typeof FromLive>;

/** supervisor → live process */
export const ToLive = z.discriminatedUnion("type", [
  z.object({ type: z.literal("authorised"), rid: z.number().int(), reply: AuthoriseReply }),
  /** Asks for a `snapshot`. */
  z.object({ type: z.literal("report"), rid: z.number().int() }),
  z.object({ type: z.literal("stop"), job_id: z.string(), lease: z.string(), reason: EndReason }),
  z.object({ type: z.literal("reconcile"), desired: z.array(z.object({ job_id: z.string(), lease: z.string() })) }),
  z.object({ type: z.literal("keys"), keys: LinkKeys }),
  z.object({ type: z.literal("revoke"), stream_id: z.number().int(), generation: z.number().int() }),
  z.object({ type: z.literal("drain"), seconds: z.number().nonnegative() }),
]);
export type ToLive = z.infer<typeof ToLive>;

export type Snapshot = Pick<Extract<FromLive, { type: "snapshot" }>, "running" | "viewers">;
