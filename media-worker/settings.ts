/** The media worker's settings: environment variables, each parsed and named when wrong. */
import path from "node:path";
import * as z from "zod";

const port = z.coerce.number({ error: "must be a port number" }).int().min(0).max(65_535);
const webUrl = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
  .transform((url) => url.replace(/\/+$/, ""));

const Variables = z.object({
  SLUICE_CONTROL_URL: webUrl,
  SLUICE_ENROL_TOKEN: z.string().min(16, "must be at least 16 characters").optional(),
  SLUICE_MEDIA_DATA: z.string().min(1).default("data/media"),
  SLUICE_MEDIA_NAME: z.string().min(1).max(64).default("media"),
  SLUICE_HOST: z.string().min(1).default("127.0.0.1"),
  SLUICE_RTMP_PORT: port.default(1935),
  SLUICE_RTMP_PUBLIC_URL: z
    .url({ protocol: /^rtmps?$/, error: "must be an rtmp:// or rtmps:// URL" })
    .default("rtmp://127.0.0.1:1935/live"),
  SLUICE_MEDIA_PORT: port.default(0),
  SLUICE_MEDIA_PUBLIC_URL: webUrl,
  SLUICE_HLS_PART_MS: z.coerce
    .number({ error: "must be a number of milliseconds" })
    .int()
    .min(100, "must be at least 100")
    .max(2_000, "must be at most 2000")
    .default(500),
  SLUICE_SPOOL_MAX_GB: z.coerce
    .number({ error: "must be a number of gigabytes" })
    .positive("must be more than 0")
    .default(20),
  SLUICE_EXIT_WITH_PARENT: z.enum(["", "0", "1"], { error: "must be 0 or 1" }).default("0"),
});

/** What the live process needs. */
export type LiveSettings = {
  host: string;
  /** 0: any free one. */
  rtmpPort: number;
  httpPort: number;
  /** Target duration of an LL-HLS part. */
  partMs: number;
  maxPublishers: number;
  /** Existing or not; holds nothing that is needed after the process. */
  windowDir: string;
  /** What was recorded and is not uploaded yet. */
  recordingsDir: string;
  /** What may lie there before no more is recorded. */
  spoolMaxBytes: number;
};

export type MediaSettings = {
  controlUrl: string;
  /** One-use; needed only while there is no identity or the control plane refuses it. */
  enrolToken: string | null;
  dataDir: string;
  name: string;
  rtmpUrl: string;
  playUrl: string;
  exitWithParent: boolean;
  live: LiveSettings;
};

/** Publishers beyond this are told that the worker is full; one event loop carries so many (design: 50 to 100). */
const MAX_PUBLISHERS = 100;

/** A setting is missing or wrong; `message` names each of them. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

/** Throws `SettingsError`. An empty variable counts as absent. */
export function parseSettings(env: Record<string, string | undefined>): MediaSettings {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = Variables.safeParse(present);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new SettingsError(`Wrong settings: ${faults.join("; ")}`);
  }
  const values = parsed.data;
  return {
    controlUrl: values.SLUICE_CONTROL_URL,
    enrolToken: values.SLUICE_ENROL_TOKEN ?? null,
    dataDir: values.SLUICE_MEDIA_DATA,
    name: values.SLUICE_MEDIA_NAME,
    rtmpUrl: values.SLUICE_RTMP_PUBLIC_URL,
    playUrl: values.SLUICE_MEDIA_PUBLIC_URL,
    exitWithParent: values.SLUICE_EXIT_WITH_PARENT === "1",
    live: {
      host: values.SLUICE_HOST,
      rtmpPort: values.SLUICE_RTMP_PORT,
      httpPort: values.SLUICE_MEDIA_PORT,
      partMs: values.SLUICE_HLS_PART_MS,
      maxPublishers: MAX_PUBLISHERS,
      windowDir: path.join(values.SLUICE_MEDIA_DATA, "window"),
      recordingsDir: path.join(values.SLUICE_MEDIA_DATA, "spool/recordings"),
      spoolMaxBytes: values.SLUICE_SPOOL_MAX_GB * 1e9,
    },
  };
}
