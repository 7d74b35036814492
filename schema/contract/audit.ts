/** The closed list of what is written to the audit log. */
import * as z from "zod";

export const AuditAction = z.enum([
  "user_create",
  "login",
  "logout",
  "stream_create",
  "stream_update",
  "stream_delete",
  "stream_key_regenerate",
  "media_worker_enrol",
  "enrolment_token_create",
  "vod_update",
  "vod_delete",
  "channel_create",
  "channel_update",
  "channel_delete",
  "channel_clear",
]);
export type AuditAction = z.infer<typeof AuditAction>;
