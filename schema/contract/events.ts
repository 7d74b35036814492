/**
 * What happened, for consumers of the outbox (webhooks, notifications, activity). An event is written in the same
 * commit as the change; its id is deterministic, so writing it twice is writing it once.
 */
import * as z from "zod";

export const DomainEvent = z.discriminatedUnion("type", [
  /** Id `session:<id>:login`. */
  z.object({
    type: z.literal("user.login"),
    user_id: z.number().int(),
    username: z.string(),
    ip: z.string().nullable(),
  }),
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
]);
export type DomainEvent = z.infer<typeof DomainEvent>;
