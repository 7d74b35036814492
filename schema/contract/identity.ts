/** Accounts, roles, sessions and what the login operations say. */
import * as z from "zod";
import { isSeen, line, SecondFactorCode } from "./credentials.ts";

/** The documented APIs that Sluice speaks. More are added here, and then fail to compile until they have a dialect. */
export const Face = z.enum(["portal", "apps", "recorder"]);
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
  /** A `portal_` key: acts for the account within its scopes, and cannot do what must be done in person. */
  | { kind: "api_key"; id: number; username: string; role: UserRole; scopes: string[]; key_id: number }
  /** A `sk_` token of the apps face: for everything there, or for one app. */
  | { kind: "app_token"; id: number; name: string; app_id: number | null }
  /** Acts as the stream's owner, but for this stream only and within the scopes of a stream key. */
  | { kind: "stream_key"; id: number; username: string; role: UserRole; scopes: string[]; stream_id: number }
  | { kind: "media_worker"; id: string }
  | { kind: "system"; name: string }
  | { kind: "anonymous" };

/** An actor that acts for an account. */
export type AccountActor = Extract<Actor, { kind: "user" | "api_key" | "stream_key" }>;

export const Username = z
  .string()
  .regex(/^[A-Za-z0-9_-]{3,30}$/, "must be 3 to 30 letters, digits, _ or -")
  .meta({ example: "ada" });
/** What anonymous people are called in chat is nobody's name. */
const isFree = (name: string) => name.normalize("NFKC").toLowerCase() !== "anonymous";
export const NewUsername = Username.refine(isFree, "is reserved");
export const NewPassword = z
  .string()
  .min(8, "must have at least 8 characters")
  .max(128, "must have at most 128 characters");

/** Comes in as either. */
const Flag = z.union([z.boolean(), z.literal(0), z.literal(1)], {
  error: ({ input }) => (input === undefined ? "is required" : "must be true, false, 0 or 1"),
});

/** What somebody types in to sign in: what does not fit an account's rules is wrong, not malformed. */
export const LoginFields = {
  username: z.string().min(1, "is required").max(200, "is too long").meta({ example: "ada" }),
  password: z.string().min(1, "is required").max(1024, "is too long").meta({ example: "correct horse battery" }),
  totp_code: SecondFactorCode.optional().meta({
    description: "Of the authenticator app, or a backup code; accounts with two-factor authentication need one",
    example: "123456",
  }),
};

const Scope = z
  .string()
  .regex(/^[A-Za-z0-9_*-]+(:[A-Za-z0-9_*-]+)*$/, "must be segments joined by colons")
  .max(64);

export const TokenRequest = z.object({
  ...LoginFields,
  scopes: z
    .array(Scope)
    .min(1, "must be 1 to 32")
    .max(32, "must be 1 to 32")
    .optional()
    .meta({
      description: "Accounts that are not admin get `services:read` and `access:*`, whatever they ask for",
      example: ["*"],
    }),
  name: line(100).optional().meta({ example: "laptop" }),
  expires_hours: z.int().min(1, "must be from 1 to 8760").max(8760, "must be from 1 to 8760").default(720),
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

/** By name and password, or by a link that was mailed. */
export const LoginRequest = z
  .object({
    ...LoginFields,
    username: LoginFields.username.optional(),
    password: LoginFields.password.optional(),
    magic_token: z.string().max(200, "is too long").optional().meta({
      description: "Of a link that was mailed (`POST /api/v1/auth/magic-link`), in place of `username` and `password`",
    }),
    remember: z
      .union([...Flag.options, z.enum(["on", "true", "1", "off", "false", "0", ""])], {
        error: "must be true, false, 0 or 1",
      })
      .optional()
      .transform((value) => value === "on" || value === "true" || Number(value) === 1)
      .meta({ description: "The session lasts 30 days instead of 24 hours" }),
  })
  .superRefine((input, { addIssue }) => {
    if (input.magic_token !== undefined) return;
    for (const field of ["username", "password"] as const) {
      if (input[field] === undefined) addIssue({ code: "custom", path: [field], message: "is required" });
    }
  });
export type LoginRequest = z.infer<typeof LoginRequest>;

export const LoginReply = z.discriminatedUnion("status", [
  z.object({ status: z.literal("logged_in"), user_id: z.int(), username: z.string() }),
  z.object({
    status: z.literal("2fa_required").meta({ description: "Nobody is signed in: send it again with `totp_code`" }),
    message: z.string(),
  }),
]);
export type LoginReply = z.infer<typeof LoginReply>;

export const UserStatus = z.enum(["online", "away", "busy", "dnd", "offline"]);

const Avatar = z.object({
  color: z.string().optional(),
  emoji: z.string().nullable().optional(),
  initials: z.string().optional(),
});

export const Me = z.object({
  id: z.int(),
  username: z.string(),
  nickname: z.string().nullable(),
  status: UserStatus,
  status_message: z.string(),
  role: UserRole,
  chat_anonymous: z.boolean(),
  avatar: Avatar,
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

// One's own account

export const PasswordChange = z.object({ current_password: LoginFields.password, new_password: NewPassword });
export type PasswordChange = z.infer<typeof PasswordChange>;

export const StatusChange = z.object({
  status: UserStatus,
  status_message: line(100)
    .optional()
    .meta({ description: "Stays as it is when it is not named", example: "Back at nine" }),
});
export type StatusChange = z.output<typeof StatusChange>;
export const StatusReply = z.object({ status: UserStatus, status_message: z.string() });

/** Some letters and marks are never seen, and a mark has something to stand on. */
const NICKNAME = /^(?!\p{M})(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}_ -])+$/u;
const isNicknameLong = (text: string) => [...text].length >= 2 && [...text].length <= 32;

export const NicknameChange = z.object({
  nickname: z
    .string()
    .max(100, "must be 2 to 32 characters")
    .nullable()
    .transform((text) => text?.normalize("NFC").trim().replace(/\s+/g, " ") || null)
    .refine((text) => text === null || isNicknameLong(text), "must be 2 to 32 characters")
    .refine((text) => text === null || NICKNAME.test(text), "must be letters, digits, spaces, _ or -")
    .refine((text) => text === null || isFree(text), "is reserved")
    .meta({
      description: "2 to 32 letters, digits, spaces, _ or -. Empty or null removes it",
      example: "Ada L",
    }),
});
export type NicknameChange = z.output<typeof NicknameChange>;
export const NicknameReply = z.object({ nickname: z.string().nullable() });

/** All of it: what is not named is no more. */
export const AvatarChange = z.object({
  color: z
    .string()
    .regex(/^#[0-9A-Fa-f]{6}$/, "must be #RRGGBB")
    .optional()
    .meta({ example: "#3355AA" }),
  emoji: z
    .string()
    .min(1, "must not be empty")
    // zod counts code points.
    .refine((text) => text.length <= 4, "must be at most 4 UTF-16 code units")
    .regex(/^(?:[^\s\p{Cc}\p{Cf}\p{Cs}]|\u200d)+$/u, "must be one emoji without spaces")
    .refine(isSeen, "must be one emoji without spaces")
    .nullable()
    .optional()
    .meta({ description: "At most 4 UTF-16 code units. Null, or not named: none" }),
  initials: z
    .string()
    .normalize("NFC")
    .regex(/^[\p{L}\p{N}]{1,2}$/u, "must be one or two letters or digits")
    .refine(isSeen, "must be one or two letters or digits")
    // One letter may become two, such as ß.
    .transform((text) => [...text.toUpperCase()].slice(0, 2).join(""))
    .optional()
    .meta({ example: "AL" }),
});
export type AvatarChange = z.output<typeof AvatarChange>;
export const AvatarReply = z.object({ avatar: Avatar });

export const AnonymousChange = z.object({
  anonymous: Flag.transform(Boolean).meta({ description: "Chat shows neither name nor avatar" }),
});
export const AnonymousReply = z.object({ anonymous: z.boolean() });

// Sessions

export const SessionList = z.object({
  tokens: z.array(
    z.object({
      id: z.string().meta({ description: "In full, to revoke it by" }),
      token_id: z.string().meta({ example: "0b0f6d5e..." }),
      name: z.string().nullable(),
      kind: z.enum(["token", "cookie"]).meta({ description: "Of the API, or of a browser" }),
      scopes: z.array(z.string()),
      revoked: z.boolean(),
      current: z.boolean().meta({ description: "The one that this request came with" }),
      created_at: z.iso.datetime(),
      last_used_at: z.iso.datetime().nullable(),
      expires_at: z.iso.datetime(),
      ip: z.string().nullable().meta({ description: "Where it was opened from, as far as that is known" }),
      user_agent: z.string().nullable().meta({ description: "What opened it, in its own words" }),
    }),
  ),
});
export type SessionList = z.infer<typeof SessionList>;

export const RevokeRequest = z.object({
  token_id: z
    .string()
    .min(1, "is required")
    .max(64, "is too long")
    .transform((text) => text.trim().replace(/\.{3}$/, ""))
    .meta({ description: "In full, or at least the first 8 characters of one id only", example: "0b0f6d5e" }),
});
export const RevokeReply = z.object({ status: z.literal("revoked"), success: z.literal(true) });

// Registration and invites

export const RegisterRequest = z.object({
  username: NewUsername,
  password: NewPassword,
  invite_code: z.string().min(1, "is required").max(100, "is too long").meta({ example: "PORTAL-0123-4567-89AB" }),
});
export type RegisterRequest = z.infer<typeof RegisterRequest>;
export const RegisterReply = z.object({ id: z.int(), username: z.string(), message: z.string() });
export type RegisterReply = z.infer<typeof RegisterReply>;

export const InviteType = z.enum(["daily", "single_use", "timed"]);
export type InviteType = z.infer<typeof InviteType>;

export const InviteInput = z.object({
  type: InviteType.default("single_use"),
  label: line(100).nullable().optional().meta({ example: "For the choir" }),
  duration_days: z.int().min(1, "must be from 1 to 365").max(365, "must be from 1 to 365").optional().meta({
    description: "Of timed ones, 30 when not said; of single-use ones, which do not expire when it is not said",
  }),
});
export type InviteInput = z.output<typeof InviteInput>;

const invite = {
  id: z.int(),
  code: z.string().meta({ example: "PORTAL-0123-4567-89AB" }),
  type: InviteType,
  label: z.string().nullable(),
  expires_at: z.iso.datetime().nullable(),
  max_uses: z.int().nullable(),
};
export const CreatedInvite = z.object(invite);
export type CreatedInvite = z.infer<typeof CreatedInvite>;

export const Invite = z.object({
  ...invite,
  created_by: z.int().nullable(),
  created_by_username: z.string().nullable(),
  created_at: z.iso.datetime(),
  use_count: z.int(),
  is_active: z.boolean().meta({ description: "Somebody may register by it now" }),
});
export type Invite = z.infer<typeof Invite>;

export const InviteList = z.object({
  invite_code: z.string().meta({ description: "Today's, made when it is first asked for" }),
  expires_at: z.iso.datetime(),
  legacy_daily_code: z.string().meta({ description: "The same under its other documented name" }),
  codes: z.array(Invite).meta({ description: "Newest first, at most 500" }),
});
export type InviteList = z.infer<typeof InviteList>;

export const RegistrationList = z.object({
  registrations: z.array(z.object({ id: z.int(), username: z.string(), role: UserRole, created_at: z.iso.datetime() })),
});
export type RegistrationList = z.infer<typeof RegistrationList>;

// Other people

const listed = { id: z.int(), username: z.string(), role: UserRole, is_admin: z.boolean() };

export const UserList = z.object({
  users: z.array(z.object({ ...listed, nickname: z.string().nullable(), created_at: z.iso.datetime() })),
  total: z.int(),
  actor_role: UserRole,
  manageable_roles: z.array(UserRole),
});
export type UserList = z.infer<typeof UserList>;

export const UserInput = z
  .object({
    username: NewUsername,
    password: NewPassword,
    role: UserRole.optional().meta({ description: "`user` when nothing is said" }),
    is_admin: Flag.optional().meta({ description: "The older way to say the role: `admin` or `user`" }),
  })
  .transform(({ is_admin, role, ...input }) => ({ ...input, role: role ?? (is_admin ? "admin" : "user") }));
export type UserInput = z.output<typeof UserInput>;
export const CreatedUser = z.object(listed);
export type CreatedUser = z.infer<typeof CreatedUser>;

export const RoleChange = z.object({ role: UserRole });
export const RoleReply = z.object({ ...listed, message: z.string() });
export type RoleReply = z.infer<typeof RoleReply>;
export const PasswordReset = z.object({ new_password: NewPassword });
export const Told = z.object({ message: z.string() });

export const FoundUsers = z.object({
  users: z.array(z.object({ id: z.int(), username: z.string(), nickname: z.string().nullable() })),
});
export type FoundUsers = z.infer<typeof FoundUsers>;

export const BlockedUsers = z.object({
  blocked_users: z.array(z.object({ id: z.int(), username: z.string(), blocked_at: z.iso.datetime() })),
  blocked: z.array(z.int()).meta({ description: "Their ids alone: both forms are documented" }),
});
export type BlockedUsers = z.infer<typeof BlockedUsers>;
