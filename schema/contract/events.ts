/**
 * What happened, for consumers of the outbox (webhooks, notifications, activity). An event is written in the same
 * commit as the change; its id is deterministic, so writing it twice is writing it once.
 */
import * as z from "zod";
import { RecordingRefusal } from "./media.ts";

const recording = {
  /** `vod_…`. */
  vod: z.string(),
  stream_id: z.number().int(),
  title: z.string(),
  owner_username: z.string(),
};

export const DomainEvent = z.discriminatedUnion("type", [
  /** Id `session:<id>:login`. */
  z.object({
    type: z.literal("user.login"),
    user_id: z.number().int(),
    username: z.string(),
    ip: z.string().nullable(),
  }),
  /** Id `user:<id>:joined`. */
  z.object({ type: z.literal("user.joined"), user_id: z.number().int(), username: z.string() }),
  /** Id `stream:<id>:<session>:live`. */
  z.object({
    type: z.literal("stream.live"),
    stream_id: z.number().int(),
    stream_name: z.string(),
    owner_username: z.string(),
    session: z.string(),
  }),
  /** Id `stream:<id>:<session>:offline`. */
  z.object({
    type: z.literal("stream.offline"),
    stream_id: z.number().int(),
    stream_name: z.string(),
    owner_username: z.string(),
    session: z.string(),
  }),
  /** Id `vod:<public_id>:started`. */
  z.object({ type: z.literal("recording.started"), ...recording }),
  /** Id `vod:<public_id>:ready`; `:ready:<n>` when parts came later. `truncated`: its end is missing. */
  z.object({
    type: z.literal("recording.ready"),
    ...recording,
    truncated: z.boolean(),
    duration: z.number(),
    size: z.number().int(),
  }),
  /** Id `vod:<public_id>:failed`. */
  z.object({ type: z.literal("recording.failed"), ...recording, error: z.string() }),
  /** Id `stream:<id>:<session>:recording_refused:<cause>`: the stream goes on without being recorded. */
  z.object({
    type: z.literal("recording.refused"),
    stream_id: z.number().int(),
    stream_name: z.string(),
    owner_username: z.string(),
    session: z.string(),
    cause: RecordingRefusal,
  }),
]);
export type DomainEvent = z.infer<typeof DomainEvent>;
