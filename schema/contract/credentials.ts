/** What opens an account besides its password: the second factor, API keys, SSH keys. */
import * as z from "zod";

/** What ends a line, turns the words after it around, or is not seen. Joiners stay: emoji and whole scripts need them. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/u;
const SEEN = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether people see anything of it. */
export const isSeen = (text: string): boolean => SEEN.test(text);

/** A line that people write for people. What is spelt alike is the same text, however it was typed. */
export const line = (most: number) =>
  z
    .string()
    .normalize("NFC")
    .trim()
    .max(most, `must be at most ${most} characters`)
    .refine((text) => !HIDDEN.test(text), "must not contain control characters, or such as nobody sees");

const name = line(100)
  .min(1, "is required")
  .refine((text) => text === "" || isSeen(text), "must be something that people see");

// The second factor

/** Authenticator apps show it beside the username, and a colon between. */
export const TotpIssuer = z.string().regex(/^[^:\p{Cc}]{1,64}$/u, "must be 1 to 64 characters, none of them a colon");

/** Of the authenticator app, or one of the backup codes; spaces and hyphens between are no matter. */
export const SecondFactorCode = z
  .string()
  .max(32, "is too long")
  .transform((text) => text.replace(/[\s-]/g, "").toUpperCase());

export const TwoFactorStatus = z.object({
  enabled: z.boolean(),
  backup_codes_remaining: z.int(),
});
export type TwoFactorStatus = z.infer<typeof TwoFactorStatus>;

export const TwoFactorSetup = z.object({
  secret: z.string().meta({ description: "Base32, to type in by hand" }),
  provisioning_uri: z.string().meta({ description: "For a QR code", example: "otpauth://totp/Sluice:ada?secret=…" }),
  uri: z.string().meta({ description: "The same under its other documented name" }),
  issuer: z.string(),
});
export type TwoFactorSetup = z.infer<typeof TwoFactorSetup>;

export const TwoFactorVerify = z.object({ code: SecondFactorCode.refine((code) => code !== "", "is required") });
export const TwoFactorEnabled = z.object({
  status: z.literal("enabled"),
  success: z.literal(true),
  backup_codes: z.array(z.string()).meta({ description: "Ten, each good once, shown once", example: ["9F3A61C0"] }),
  message: z.string(),
});
export type TwoFactorEnabled = z.infer<typeof TwoFactorEnabled>;

export const TwoFactorDisable = z
  .object({
    code: SecondFactorCode.optional(),
    password: z.string().max(1024, "is too long").optional(),
  })
  .refine(({ code, password }) => Boolean(code) || Boolean(password), {
    path: ["code"],
    message: "or password is required",
  });
export type TwoFactorDisable = z.output<typeof TwoFactorDisable>;
export const TwoFactorDisabled = z.object({ status: z.literal("disabled"), message: z.string() });

// API keys

const SCOPE = /^[A-Za-z0-9_*-]+(:[A-Za-z0-9_*-]+)*$/;
const days = z.int().min(1, "must be at least 1").max(3650, "must be at most 3650").nullable().optional();

export const ApiKeyInput = z
  .object({
    name,
    scopes: z
      .string()
      .max(2000, "is too long")
      .default("*")
      .transform((text) => [...new Set(text.split(",").map((scope) => scope.trim()))])
      .refine(
        (scopes) => scopes.every((scope) => scope.length <= 64 && SCOPE.test(scope)),
        "must be scopes with commas",
      )
      .refine((scopes) => scopes.length <= 32, "must be at most 32 scopes")
      .meta({
        description: "With commas. Accounts that are not admin get `services:read,access:*`, whatever they ask for",
        example: "services:read,access:*",
      }),
    expires_in_days: days.meta({ description: "Null or not named: it does not expire" }),
    expires_days: days.meta({ description: "The same under its other documented name" }),
  })
  .transform(({ expires_in_days, expires_days, ...input }) => ({
    ...input,
    expires_in_days: expires_in_days ?? expires_days ?? null,
  }));
export type ApiKeyInput = z.output<typeof ApiKeyInput>;

export const CreatedApiKey = z.object({
  id: z.int(),
  name: z.string(),
  api_key: z.string().meta({ description: "In full, and only here" }),
  key: z.string().meta({ description: "The same under its other documented name" }),
  key_prefix: z.string().meta({ example: "portal_9f3" }),
  prefix: z.string().meta({ description: "The same under its other documented name" }),
  scopes: z.string(),
  expires_at: z.iso.datetime().nullable(),
  warning: z.string(),
});
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ApiKeyList = z.object({
  api_keys: z.array(
    z.object({
      id: z.int(),
      name: z.string(),
      key_prefix: z.string(),
      scopes: z.string(),
      expires_at: z.iso.datetime().nullable(),
      last_used_at: z.iso.datetime().nullable(),
      created_at: z.iso.datetime(),
      revoked: z.boolean(),
    }),
  ),
});
export type ApiKeyList = z.infer<typeof ApiKeyList>;

export const Revoked = z.object({ status: z.literal("revoked") });
export const Deleted = z.object({ status: z.literal("deleted") });

// SSH keys

export const SshKeyType = z.enum(["ed25519", "rsa"]);
export type SshKeyType = z.infer<typeof SshKeyType>;

export const SshKeyInput = z.object({ name, key_type: SshKeyType.default("ed25519") });
export type SshKeyInput = z.output<typeof SshKeyInput>;

const sshKey = {
  id: z.int(),
  name: z.string(),
  key_type: SshKeyType,
  public_key: z.string().meta({ description: "A line of `authorized_keys`" }),
  fingerprint: z.string().meta({ example: "SHA256:Vt2n…" }),
};

export const CreatedSshKey = z.object({
  ...sshKey,
  private_key: z.string().meta({ description: "In OpenSSH's format; shown once and not kept" }),
});
export type CreatedSshKey = z.infer<typeof CreatedSshKey>;

export const SshKey = z.object({
  ...sshKey,
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
});
export type SshKey = z.infer<typeof SshKey>;
export const SshKeyList = z.object({ keys: z.array(SshKey) });
export type SshKeyList = z.infer<typeof SshKeyList>;
export const AllSshKeys = z.object({
  keys: z.array(SshKey.extend({ user_id: z.int(), username: z.string() })),
});
export type AllSshKeys = z.infer<typeof AllSshKeys>;
