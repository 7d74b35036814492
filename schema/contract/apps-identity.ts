/**
 * Accounts, sessions and tokens as the apps face has them. Most replies are `{data, error: null}`; what is documented
 * bare as well, as `{token}` is, has its fields in both places.
 */
import * as z from "zod";
import { isSeen, line, SecondFactorCode } from "./credentials.ts";
import { LoginFields, NewPassword, NicknameChange } from "./identity.ts";

export const enveloped = <T extends z.ZodType>(data: T) => z.object({ data, error: z.null() });
export const inBothForms = <T extends z.ZodObject>(data: T) => enveloped(data).extend(data.shape);

export const AppsRole = z.enum(["viewer", "editor", "owner", "superadmin", "service"]);
export type AppsRole = z.infer<typeof AppsRole>;

/** Types are coerced: a number stands for the text that it is written as, as in `{"code": 123456}`. */
const text = <T extends z.ZodType<unknown, string | null>>(schema: T) =>
  z.union([schema, Written.pipe(schema)], {
    error: ({ input }) => (input === undefined ? "is required" : "must be of type string"),
  });
/** Larger numbers, and fractions, are not what was written any more. */
const Written = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .transform((number): string | null => String(number));
/** Null says as little as not being named. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

/** There is one so far, and everybody is in it. */
export const TENANT = { id: "default", name: "Default" } as const;

export const Email = z
  .email("must be an e-mail address")
  .max(254, "must be at most 254 characters")
  .meta({ example: "ada@example.com" });

// Signing in

export const AppsConfig = z.object({ allowSignup: z.boolean() });
export const AppsToken = z.object({ token: z.string() });
export type AppsToken = z.infer<typeof AppsToken>;

export const AppsSignup = z.object({
  email: Email,
  password: text(NewPassword),
  teamName: optional(
    text(z.string().trim().min(1, "must not be empty").max(100, "must be at most 100 characters")),
  ).meta({ description: "Checked, and kept nowhere: there are no teams yet, and everybody is in the default one" }),
});
export type AppsSignup = z.infer<typeof AppsSignup>;

export const AppsLogin = z.object({
  user: text(z.string().min(1, "is required").max(254, "is too long")).meta({
    description: "Name or e-mail address",
    example: "ada",
  }),
  password: text(LoginFields.password),
  code: optional(text(SecondFactorCode)).meta({
    description: "Of the authenticator app, or a backup code",
    example: "123456",
  }),
});
export type AppsLogin = z.output<typeof AppsLogin>;

export const MagicLinkRequest = z.object({ email: Email });
export type MagicLinkRequest = z.infer<typeof MagicLinkRequest>;
export const MagicLinkReply = z.object({ message: z.string().meta({ description: "The same for every address" }) });
export type MagicLinkReply = z.infer<typeof MagicLinkReply>;
export const MagicLinkVerify = z.object({
  token: z.string().min(1, "is required").max(128, "is too long"),
  code: optional(text(SecondFactorCode)),
});
export type MagicLinkVerify = z.output<typeof MagicLinkVerify>;

export const AppsMe = z.object({
  userId: z.string().nullable().meta({ description: "Null of a token, which is nobody" }),
  tenantId: z.string(),
  role: AppsRole,
  isSuperadmin: z.boolean(),
  scope: z.enum(["global", "app"]),
  via: z.enum(["user_jwt", "api_token"]),
  email: z.string().nullable(),
});
export type AppsMe = z.infer<typeof AppsMe>;

// One's own account

export const AppsAccount = z.object({
  id: z.string(),
  username: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: AppsRole,
  twoFactorEnabled: z.boolean(),
  createdAt: z.iso.datetime(),
  tenant: z.object({ id: z.string(), name: z.string() }),
});
export type AppsAccount = z.infer<typeof AppsAccount>;

export const AppsAccountChange = z.object({
  name: text(NicknameChange.shape.nickname).optional(),
  email: Email.nullable()
    .optional()
    .meta({ description: "Null removes it. Links that were mailed before open nothing any more" }),
});
export type AppsAccountChange = z.output<typeof AppsAccountChange>;

export const AppsPasswordChange = z.object({
  currentPassword: text(LoginFields.password),
  newPassword: text(NewPassword),
});
export type AppsPasswordChange = z.infer<typeof AppsPasswordChange>;

export const AppsCode = z.object({ code: text(SecondFactorCode.refine((code) => code !== "", "is required")) });
export const AppsTwoFactorSetup = z.object({
  secret: z.string().meta({ description: "Base32, to type in by hand" }),
  otpauthUri: z.string(),
  qrDataUri: z.string().meta({ description: "The same as a QR code, SVG" }),
});
export type AppsTwoFactorSetup = z.infer<typeof AppsTwoFactorSetup>;
export const AppsTwoFactorEnabled = z.object({
  enabled: z.literal(true),
  backupCodes: z.array(z.string()).meta({ description: "Each good once, shown once" }),
});
export const AppsTwoFactorDisabled = z.object({ enabled: z.literal(false) });

// Sessions

export const AppsSession = z.object({
  id: z.string(),
  ip: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: z.iso.datetime(),
  lastSeen: z.iso.datetime(),
  current: z.boolean(),
});
export type AppsSession = z.infer<typeof AppsSession>;
export const AppsRevoked = z.object({ revoked: z.int().meta({ description: "How many sessions ended by this" }) });

// Tokens

const Address = z.union([z.ipv4().meta({ format: "ipv4" }), z.ipv6().meta({ format: "ipv6" }), z.cidrv4()], {
  error: "must be an IPv4 or IPv6 address, or an IPv4 range such as 192.0.2.0/24",
});

const TokenName = line(100)
  .min(1, "is required")
  .refine((name) => name === "" || isSeen(name), "must be something that people see");

export const AppTokenInput = z
  .object({
    name: text(TokenName),
    scope: z.enum(["global", "app"]),
    appId: optional(z.int().min(1)).meta({ description: "Of scope `app`, and of no other" }),
    allowedIps: optional(z.array(Address).max(100, "must be at most 100")).meta({
      description:
        "From where it counts; none named: from everywhere. Where the server is told of no client's address " +
        "(`SLUICE_TRUST_PROXY`), a token with any counts from nowhere",
      example: ["192.0.2.0/24"],
    }),
  })
  .refine(({ scope, appId }) => (scope === "app") === (appId !== undefined), {
    path: ["appId"],
    message: "is required for the scope app, and not allowed for the scope global",
  });
export type AppTokenInput = z.output<typeof AppTokenInput>;

export const CreatedAppToken = z.object({
  id: z.int(),
  token: z.string().meta({ description: "In full, and only here" }),
});
export type CreatedAppToken = z.infer<typeof CreatedAppToken>;

export const AppTokenList = z.array(
  z.object({
    id: z.int(),
    name: z.string(),
    scope: z.enum(["global", "app"]),
    appId: z.int().nullable(),
    allowedIps: z.array(z.string()).nullable(),
    lastUsedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    revoked: z.boolean(),
  }),
);
export type AppTokenList = z.infer<typeof AppTokenList>;
