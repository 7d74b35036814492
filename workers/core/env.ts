/** The Worker's bindings and settings, parsed once per environment. */
import { z } from "zod";
import type { ChatGatewayRpc, ChatRoomRpc } from "#contract/chat-rpc";
import { TotpIssuer } from "#contract/credentials";
import { LIMIT_WINDOW_MAX_MS, type RateLimiterRpc } from "#contract/limits";
import type { LiveStreamRpc, MediaNodeRpc } from "#contract/live";
import { type MailSettings, MailVariables } from "./mail-settings.ts";
import { type S3Settings, S3Variables } from "./s3-settings.ts";

export type Env = {
  DB: D1Database;
  ASSETS: Fetcher;
  MEDIA_NODE: DurableObjectNamespace<MediaNodeRpc & Rpc.DurableObjectBranded>;
  LIVE_STREAM: DurableObjectNamespace<LiveStreamRpc & Rpc.DurableObjectBranded>;
  RATE_LIMITER: DurableObjectNamespace<RateLimiterRpc & Rpc.DurableObjectBranded>;
  CHAT_ROOM: DurableObjectNamespace<ChatRoomRpc & Rpc.DurableObjectBranded>;
  CHAT_GATEWAY: DurableObjectNamespace<ChatGatewayRpc & Rpc.DurableObjectBranded>;
  /** Locally the way to the play server; in production the media worker's public address is fetched. */
  MEDIA?: Fetcher;
  /** Locally the way to the bucket; in production `S3_ENDPOINT` is fetched. */
  S3?: Fetcher;
  /** Locally the way to the mail server; in production the runtime's sockets lead there. */
  SMTP?: Fetcher;
  SLUICE_SECRET: string;
  SLUICE_PUBLIC_URL?: string;
  SLUICE_RTMP_URL?: string;
  SLUICE_TRUST_PROXY?: string;
  RTMP_PLAIN_LIVE_KEYS?: string;
  PLAYBACK?: string;
  SLUICE_CHAT_SHARDS?: string;
  SLUICE_RATE_LIMITS?: string;
  SLUICE_LOG_READS?: string;
  AUTH_RATE_LIMIT_MAX?: string;
  AUTH_RATE_LIMIT_WINDOW_MS?: string;
  TOTP_ISSUER?: string;
  STREAMHUB_ALLOW_SIGNUP?: string;
  SMTP_URL?: string;
  MAIL_FROM?: string;
  S3_ENDPOINT?: string;
  S3_PUBLIC_ENDPOINT?: string;
  S3_BUCKET?: string;
  S3_REGION?: string;
  S3_ACCESS_KEY_ID?: string;
  S3_SECRET_ACCESS_KEY?: string;
  S3_SWEEP?: string;
};

/** Bindings without which nothing can run. */
const BINDINGS = [
  "DB",
  "ASSETS",
  "MEDIA_NODE",
  "LIVE_STREAM",
  "RATE_LIMITER",
  "CHAT_ROOM",
  "CHAT_GATEWAY",
] as const satisfies (keyof Env)[];

export type Settings = {
  /** At least 32 bytes. Never used as a key itself: see secrets.ts. */
  secret: string;
  /** E.g. `https://live.example.com`; null: the origin of the request. */
  publicUrl: string | null;
  /** The ingest address shown to people. */
  rtmpUrl: string;
  /**
   * Whom to believe about the client's address: Cloudflare (`CF-Connecting-IP`), so many proxies in front
   * (`X-Forwarded-For`, counted from its end), or nobody (0): then all clients count as one.
   */
  trustProxy: "cloudflare" | number;
  /** Bare `live_` keys are taken on plain RTMP from anywhere, not only from loopback. */
  rtmpPlainLiveKeys: boolean;
  playback: "edge" | "direct";
  /** How many chat gateways share the users of a region, 1 to 64. */
  chatShards: number;
  /** Whether reads that succeed are logged too. */
  logReads: boolean;
  /** Whether calls are counted beyond signing in, searching and opening the chat. */
  rateLimits: boolean;
  /** How often an address may try to sign in at the apps face. */
  appsAuthLimit: { most: number; window_ms: number };
  /** What authenticator apps show beside the username. */
  totpIssuer: string;
  /** Whether anybody may make an account at the apps face, without an invite. */
  allowSignup: boolean;
  /** How mail leaves; null: it does not. */
  mail: MailSettings | null;
  /** Where recordings are kept; null: nowhere, and nothing is recorded. */
  s3: S3Settings | null;
};

const webOrigin = z
  .url({ protocol: /^https?$/ })
  .refine((url) => /^[^/]+\/\/[^/?#@]+\/?$/.test(url))
  .transform((url) => new URL(url).origin);

/** A whole number; what is empty is not set. */
const whole = (byDefault: number, least: number, most: number) =>
  z
    .string()
    .regex(/^\d{0,9}$/, `must be a number from ${least} to ${most}`)
    .transform((text) => (text === "" ? byDefault : Number(text)))
    .refine((value) => value >= least && value <= most, `must be a number from ${least} to ${most}`)
    .default(byDefault);

const Variables = z.object({
  SLUICE_SECRET: z
    .string({ error: "is required" })
    .refine((secret) => new TextEncoder().encode(secret).length >= 32, "must be at least 32 bytes"),
  SLUICE_PUBLIC_URL: z
    .union([z.literal("").transform(() => null), webOrigin], {
      error: "must be an http:// or https:// URL without a path",
    })
    .default(null),
  SLUICE_RTMP_URL: z
    .url({ protocol: /^rtmps?$/, error: "must be an rtmp:// or rtmps:// URL" })
    .default("rtmp://127.0.0.1:1935/live"),
  SLUICE_TRUST_PROXY: z
    .union(
      [
        z.literal("cloudflare"),
        z.enum(["", "0", "false"]).transform(() => 0),
        z.literal("true").transform(() => 1),
        z
          .string()
          .regex(/^[1-9]$/)
          .transform(Number),
      ],
      { error: "must be empty, cloudflare, or the number of proxies in front (1 to 9)" },
    )
    .default(0),
  RTMP_PLAIN_LIVE_KEYS: z
    .enum(["", "0", "1"], { error: "must be 0 or 1" })
    .default("0")
    .transform((value) => value === "1"),
  PLAYBACK: z.enum(["edge", "direct"], { error: "must be edge or direct" }).default("edge"),
  STREAMHUB_ALLOW_SIGNUP: z
    .enum(["", "0", "1"], { error: "must be 0 or 1" })
    .default("0")
    .transform((value) => value === "1"),
  SLUICE_CHAT_SHARDS: z
    .string()
    .regex(/^([1-9]|[1-5]\d|6[0-4])$/, "must be a number from 1 to 64")
    .default("1")
    .transform(Number),
  SLUICE_RATE_LIMITS: z
    .enum(["", "on", "off"], { error: "must be on or off" })
    .default("on")
    .transform((value) => value !== "off"),
  SLUICE_LOG_READS: z
    .enum(["", "0", "1"], { error: "must be 0 or 1" })
    .default("0")
    .transform((value) => value === "1"),
  AUTH_RATE_LIMIT_MAX: whole(10, 1, 10_000),
  AUTH_RATE_LIMIT_WINDOW_MS: whole(15 * 60_000, 1_000, LIMIT_WINDOW_MAX_MS),
  TOTP_ISSUER: TotpIssuer.default("Sluice"),
});

/** A setting or binding is missing or wrong; `message` names each of them. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

const parsed = new WeakMap<Env, Settings>();

/** Throws `SettingsError`. */
export function parseEnv(env: Env): Settings {
  const known = parsed.get(env);
  if (known) return known;
  const faults = BINDINGS.filter((name) => !env[name]).map((name) => `${name}: the binding is missing`);
  const variables = Variables.safeParse(env);
  const s3 = S3Variables.safeParse(env);
  const mail = MailVariables.safeParse(env);
  for (const { error } of [variables, s3, mail]) {
    for (const issue of error?.issues ?? []) faults.push(`${issue.path.join(".")}: ${issue.message}`);
  }
  if (!variables.success || !s3.success || !mail.success || faults.length > 0)
    throw new SettingsError(`Wrong settings: ${faults.join("; ")}`);
  const settings: Settings = {
    secret: variables.data.SLUICE_SECRET,
    publicUrl: variables.data.SLUICE_PUBLIC_URL,
    rtmpUrl: variables.data.SLUICE_RTMP_URL,
    trustProxy: variables.data.SLUICE_TRUST_PROXY,
    rtmpPlainLiveKeys: variables.data.RTMP_PLAIN_LIVE_KEYS,
    playback: variables.data.PLAYBACK,
    chatShards: variables.data.SLUICE_CHAT_SHARDS,
    logReads: variables.data.SLUICE_LOG_READS,
    rateLimits: variables.data.SLUICE_RATE_LIMITS,
    appsAuthLimit: {
      most: variables.data.AUTH_RATE_LIMIT_MAX,
      window_ms: variables.data.AUTH_RATE_LIMIT_WINDOW_MS,
    },
    totpIssuer: variables.data.TOTP_ISSUER,
    allowSignup: variables.data.STREAMHUB_ALLOW_SIGNUP,
    mail: mail.data,
    s3: s3.data,
  };
  parsed.set(env, settings);
  return settings;
}
