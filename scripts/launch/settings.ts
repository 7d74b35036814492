/** The settings of `npm start`: the environment first, then `.env` beside package.json. */
import { isIP } from "node:net";
import path from "node:path";
import * as z from "zod";
import { TotpIssuer } from "#contract/credentials";
import { NewPassword, Username } from "#contract/identity";
import { LIMIT_WINDOW_MAX_MS } from "#contract/limits";
import { MailFrom, SmtpUrl } from "#contract/mail";
import { LaunchError } from "./errors.ts";
import { missingOf, S3Environment, type S3Settings, s3Of } from "./s3-settings.ts";

/** Digits only: no sign, no exponent, no hexadecimal. */
const whole = (least: number, most: number, error: string) =>
  z
    .string()
    .regex(/^\d{1,8}$/, error)
    .transform(Number)
    .refine((value) => value >= least && value <= most, error);

const port = whole(0, 65_535, "must be a port number from 0 to 65535 (0 = any free one)");

/** Checked here and by the Worker again: here the message reaches the terminal before anything starts. */
const Environment = z.object({
  SLUICE_PORT: port.default(8080),
  SLUICE_RTMP_PORT: port.default(1935),
  SLUICE_HOST: z
    .string()
    .refine(
      (value) => value === "localhost" || isIP(value) !== 0,
      "must be localhost or an IP address of this machine (0.0.0.0 = all of them)",
    )
    .transform((value) => (value === "localhost" ? "127.0.0.1" : value))
    .default("127.0.0.1"),
  SLUICE_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL", abort: true })
    .refine(
      (value) => /^[^/]+\/\/[^/?#@]+\/?$/.test(value),
      "must be scheme, name and port alone: https://live.example.com",
    )
    .transform((value) => new URL(value).origin)
    .optional(),
  SLUICE_DATA: z.string().default("./data"),
  SLUICE_ADMIN_USERNAME: Username.default("admin"),
  SLUICE_ADMIN_PASSWORD: NewPassword.optional(),
  SLUICE_SECRET: z
    .string()
    .refine((value) => Buffer.byteLength(value) >= 32, "must have at least 32 bytes")
    .optional(),
  SLUICE_TRUST_PROXY: z
    .string()
    .regex(/^(cloudflare|false|true|[0-9])$/, "must be cloudflare, or the number of proxies in front (0 to 9)")
    .default("0"),
  RTMP_PLAIN_LIVE_KEYS: z.enum(["0", "1"], { error: "must be 0 or 1" }).default("0"),
  PLAYBACK: z.enum(["edge", "direct"], { error: "must be edge or direct" }).default("edge"),
  SLUICE_CHAT_SHARDS: whole(1, 64, "must be a number from 1 to 64").default(1),
  SLUICE_RATE_LIMITS: z.enum(["on", "off"], { error: "must be on or off" }).default("on"),
  SLUICE_LOG_READS: z.enum(["0", "1"], { error: "must be 0 or 1" }).default("0"),
  AUTH_RATE_LIMIT_MAX: whole(1, 10_000, "must be a number from 1 to 10000").default(10),
  AUTH_RATE_LIMIT_WINDOW_MS: whole(
    1000,
    LIMIT_WINDOW_MAX_MS,
    `must be a number of milliseconds from 1000 to ${LIMIT_WINDOW_MAX_MS}`,
  ).default(900_000),
  TOTP_ISSUER: TotpIssuer.default("Sluice"),
  STREAMHUB_ALLOW_SIGNUP: z.enum(["0", "1"], { error: "must be 0 or 1" }).default("0"),
  SMTP_URL: SmtpUrl.optional(),
  MAIL_FROM: MailFrom.optional(),
  SLUICE_HLS_PART_MS: whole(100, 2000, "must be a number of milliseconds from 100 to 2000").default(500),
  SLUICE_SPOOL_MAX_GB: z
    .string()
    .refine(
      (value) => /^\d{1,6}(\.\d{1,3})?$/.test(value) && Number(value) > 0,
      "must be a number of gigabytes, more than 0",
    )
    .default("20"),
  S3_SWEEP: z.enum(["delete", "dry-run", "off"], { error: "must be delete, dry-run or off" }).default("delete"),
  ...S3Environment.shape,
});

export type Settings = {
  port: number;
  rtmpPort: number;
  /** An IP address. */
  host: string;
  /** An origin without a trailing slash; undefined: what the port turns out to be. */
  publicUrl: string | undefined;
  /** Absolute. */
  data: string;
  adminUsername: string;
  adminPassword: string | undefined;
  secret: string | undefined;
  trustProxy: string;
  rtmpPlainLiveKeys: "0" | "1";
  playback: "edge" | "direct";
  chatShards: number;
  rateLimits: "on" | "off";
  logReads: "0" | "1";
  authLimitMax: number;
  authLimitWindowMs: number;
  totpIssuer: string;
  /** Whether anybody may make an account at the apps face. */
  allowSignup: "0" | "1";
  /** Both empty: no mail leaves. */
  mail: { smtpUrl: string; from: string };
  hlsPartMs: number;
  /** Gigabytes. */
  spoolMax: string;
  /** Null: R2's local S3 endpoint. */
  s3: S3Settings | null;
  s3Sweep: "delete" | "dry-run" | "off";
};

/** Throws a `LaunchError` that names every wrong setting. A setting that is empty counts as not set. */
export function parseSettings(environment: Record<string, string | undefined>, root: string): Settings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    throw new LaunchError(parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("\n"));
  }
  const values = parsed.data;
  const missing = missingOf(S3Environment.parse(given));
  if (missing.length > 0) throw new LaunchError(`${missing.join(", ")} must be set too: S3_… are all given, or none`);
  if (Boolean(values.SMTP_URL) !== Boolean(values.MAIL_FROM)) {
    throw new LaunchError("SMTP_URL and MAIL_FROM must be set together, or not at all");
  }
  return {
    port: values.SLUICE_PORT,
    rtmpPort: values.SLUICE_RTMP_PORT,
    host: values.SLUICE_HOST,
    publicUrl: values.SLUICE_PUBLIC_URL,
    data: path.resolve(root, values.SLUICE_DATA),
    adminUsername: values.SLUICE_ADMIN_USERNAME,
    adminPassword: values.SLUICE_ADMIN_PASSWORD,
    secret: values.SLUICE_SECRET,
    trustProxy: values.SLUICE_TRUST_PROXY,
    rtmpPlainLiveKeys: values.RTMP_PLAIN_LIVE_KEYS,
    playback: values.PLAYBACK,
    chatShards: values.SLUICE_CHAT_SHARDS,
    rateLimits: values.SLUICE_RATE_LIMITS,
    logReads: values.SLUICE_LOG_READS,
    authLimitMax: values.AUTH_RATE_LIMIT_MAX,
    authLimitWindowMs: values.AUTH_RATE_LIMIT_WINDOW_MS,
    totpIssuer: values.TOTP_ISSUER,
    allowSignup: values.STREAMHUB_ALLOW_SIGNUP,
    mail: { smtpUrl: given.SMTP_URL ?? "", from: values.MAIL_FROM ?? "" },
    hlsPartMs: values.SLUICE_HLS_PART_MS,
    spoolMax: values.SLUICE_SPOOL_MAX_GB,
    s3: s3Of(values),
    s3Sweep: values.S3_SWEEP,
  };
}
