/** The closed list of what is written to the audit log, and the two views of it: one's activity, and moderation. */
import * as z from "zod";

export const AuditAction = z.enum([
  "user_create",
  "user_delete",
  "register",
  "role_change",
  "password_reset",
  "password_change",
  "profile_update",
  "user_block",
  "user_unblock",
  "invite_code_create",
  "invite_code_deactivate",
  "login",
  "logout",
  "token_refresh",
  "token_revoke",
  "two_factor_enable",
  "two_factor_disable",
  "backup_code_use",
  "api_key_create",
  "api_key_revoke",
  "api_key_delete",
  "app_token_create",
  "app_token_revoke",
  "ssh_key_create",
  "ssh_key_delete",
  "stream_create",
  "stream_update",
  "stream_delete",
  "stream_key_regenerate",
  "stream_started",
  "stream_offline",
  "media_worker_enrol",
  "enrolment_token_create",
  "vod_update",
  "vod_delete",
  "channel_create",
  "channel_update",
  "channel_delete",
  "channel_clear",
  "message_delete",
  "pin_message",
  "unpin_message",
]);
export type AuditAction = z.infer<typeof AuditAction>;

/** What people see of what they did. */
export const ActivityAction = AuditAction.extract(["login", "register", "stream_started", "stream_offline"]);
export type ActivityAction = z.infer<typeof ActivityAction>;

export const Activity = z.object({
  id: z.int(),
  user_id: z.int(),
  username: z.string(),
  action: ActivityAction,
  detail: z.string(),
  details: z.string().meta({ description: "The same under its other documented name" }),
  ip_address: z.string().nullable(),
  created_at: z.iso.datetime(),
});
export type Activity = z.infer<typeof Activity>;
export const ActivityList = z.object({ activities: z.array(Activity) });

/** What moderators see of what moderators and admins did. */
export const ModerationAction = AuditAction.extract([
  "user_create",
  "user_delete",
  "role_change",
  "password_reset",
  "invite_code_create",
  "invite_code_deactivate",
  "channel_create",
  "channel_update",
  "channel_delete",
  "channel_clear",
  "message_delete",
  "pin_message",
  "unpin_message",
]);
export type ModerationAction = z.infer<typeof ModerationAction>;

export const AuditRow = z.object({
  id: z.int(),
  action: ModerationAction,
  actor_id: z.int().nullable(),
  actor_username: z.string().nullable(),
  target_id: z.int().nullable(),
  target_type: z.string(),
  target_name: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  channel_id: z.int().nullable(),
  channel_name: z.string().nullable(),
  created_at: z.iso.datetime(),
});
export type AuditRow = z.infer<typeof AuditRow>;
export const AuditLog = z.object({ entries: z.array(AuditRow), total: z.int() });
export type AuditLog = z.infer<typeof AuditLog>;
