/** Accounts, roles, sessions and what the login operations say. */
import * as z from "zod";

/** The documented APIs that Sluice speaks. More are added here, and then fail to compile until they have a dialect. */
export const Face = z.enum(["portal"]);
export type Face = z.infer<typeof Face>;

/** From low to high. */
export const UserRole = z.enum(["user", "moderator", "admin", "superadmin"]);
export type UserRole = z.infer<typeof UserRole>;

export const isAdminRole = (role: UserRole): boolean => role === "admin" || role === "superadmin";

/**
 * Who does something. It grows by a member with each kind of credential, and every switch over `kind` is exhaustive.
 * `scopes`: colon-separated segments, `*` is everything.
 */
export type Actor =
  | {
      kind: "user";
      id: number;
      username: string;
      role: UserRole;
      scopes: string[];
      session: string;
      /** A cookie is sent by the browser on its own, so it needs protection that a token does not. */
      via: "token" | "cookie";
    }
  /** Acts as the stream's owner, but for this stream only and within the scopes of a stream key. */
  | { kind: "stream_key"; id: number; username: string; role: UserRole; scopes: string[]; stream_id: number }
  | { kind: "media_worker"; id: string }
  | { kind: "system"; name: string }
  | { kind: "anonymous" };

/** An actor that acts for an account. */
export type AccountActor = Extract<Actor, { kind: "user" | "stream_key" }>;

export const Username = z
  .string()
  .regex(/^[A-Za-z0-9_-]{3,30}$/, "must be 3 to 30 letters, digits, _ or -")
  .meta({ example: "ada" });
export const NewPassword = z
  .string()
  .min(8, "must have at least 8 characters")
  .max(128, "must have at most 128 characters");

/** What somebody types in: what does not fit an account's rules is wrong, not malformed. */
const credentials = {
  username: z.string().min(1, "is required").max(200, "is too long").meta({ example: "ada" }),
  password: z.string().min(1, "is required").max(1024, "is too long").meta({ example: "correct horse battery" }),
  totp_code: z
    .string()
    .max(32, "is too long")
    .optional()
    .meta({ description: "Not looked at: no account has a second factor yet" }),
};

const Scope = z
  .string()
  .regex(/^[A-Za-z0-9_*-]+(:[A-Za-z0-9_*-]+)*$/, "must be segments joined by colons")
  .max(64);

export const TokenRequest = z.object({
  ...credentials,
  scopes: z
    .array(Scope)
    .min(1)
    .max(32)
    .optional()
    .meta({
      description: "Accounts that are not admin get `services:read` and `access:*`, whatever they ask for",
      example: ["*"],
    }),
  name: z.string().max(100).optional().meta({ example: "laptop" }),
  expires_hours: z.int().min(1).max(8760).default(720),
});
export type TokenRequest = z.infer<typeof TokenRequest>;

export const TokenReply = z.object({
  token: z.string(),
  token_id: z.string(),
  user_id: z.int(),
  scopes: z.array(z.string()),
  expires_at: z.iso.datetime(),
  user: z.object({ id: z.int(), username: z.string(), is_admin: z.boolean() }),
});
export type TokenReply = z.infer<typeof TokenReply>;

export const LoginRequest = z.object({
  ...credentials,
  remember: z
    .union([z.boolean(), z.enum(["on", "true", "1", "off", "false", "0", ""])])
    .optional()
    .transform((value) => value === true || value === "on" || value === "true" || value === "1")
    .meta({ description: "The session lasts 30 days instead of 24 hours" }),
});
export type LoginRequest = z.infer<typeof LoginRequest>;

export const LoginReply = z.object({ status: z.literal("logged_in"), user_id: z.int(), username: z.string() });

export const Me = z.object({
  id: z.int(),
  username: z.string(),
  nickname: z.string().nullable(),
  status: z.enum(["online", "away", "busy", "dnd", "offline"]),
  status_message: z.string(),
  role: UserRole,
  chat_anonymous: z.boolean(),
  avatar: z.object({
    color: z.string().optional(),
    emoji: z.string().nullable().optional(),
    initials: z.string().optional(),
  }),
  is_admin: z.boolean(),
  scopes: z.array(z.string()),
  permissions: z.object({
    can_manage_users: z.boolean(),
    can_reset_passwords: z.boolean(),
    can_delete_users: z.boolean(),
    manageable_roles: z.array(UserRole),
    can_add_connections: z.boolean(),
    can_add_streams: z.boolean(),
  }),
  totp_enabled: z.boolean(),
  created_at: z.iso.datetime(),
});
export type Me = z.infer<typeof Me>;
