/** The S3 that recordings go to: an operator's own by `S3_…`, else R2's local S3 endpoint, whose keys derive from the secret. */
import { createHmac } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";

/** An address under which `/<bucket>/<key>` is appended. Kept without its trailing slash. */
const endpoint = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL", abort: true })
  .refine((value) => !/[?#@]/.test(value), "must have no query, fragment or password: https://s3.example.com")
  .transform((value) => value.replace(/\/+$/, ""));

const name = (pattern: RegExp, error: string) => z.string().regex(pattern, error);

/** As the Worker takes them: here the message reaches the terminal before anything starts. */
export const S3Environment = z.object({
  S3_ENDPOINT: endpoint.optional(),
  S3_PUBLIC_ENDPOINT: endpoint.optional(),
  S3_BUCKET: name(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, "must be a bucket's name, such as recordings").optional(),
  S3_REGION: name(/^[A-Za-z0-9-]{1,64}$/, "must be a region's name, such as auto or eu-central-1").optional(),
  S3_ACCESS_KEY_ID: name(/^[!-~]{1,256}$/, "must be printable ASCII without spaces").optional(),
  S3_SECRET_ACCESS_KEY: name(/^[!-~]{1,256}$/, "must be printable ASCII without spaces").optional(),
});
type S3Environment = z.infer<typeof S3Environment>;

/** Where a bucket is, and the keys to it. */
export type S3Settings = {
  /** Without a trailing slash; objects are at `<endpoint>/<bucket>/<key>`. */
  endpoint: string;
  /** The same bucket as browsers reach it; null: they cannot. */
  publicEndpoint: string | null;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
};

const NEEDED = ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const;

/** The settings that are missing beside those that are given: all of them, or none. */
export function missingOf(given: S3Environment): string[] {
  const any = Object.values(given).some((value) => value !== undefined);
  return any ? NEEDED.filter((each) => given[each] === undefined) : [];
}

/** null when there are none, or not all that are needed. */
export function s3Of(given: S3Environment): S3Settings | null {
  const { S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = given;
  if (!S3_ENDPOINT || !S3_BUCKET || !S3_ACCESS_KEY_ID || !S3_SECRET_ACCESS_KEY) return null;
  return {
    endpoint: S3_ENDPOINT,
    publicEndpoint: given.S3_PUBLIC_ENDPOINT ?? null,
    bucket: S3_BUCKET,
    region: given.S3_REGION ?? "auto",
    accessKeyId: S3_ACCESS_KEY_ID,
    secretAccessKey: S3_SECRET_ACCESS_KEY,
  };
}

/** What the Worker, or `npm run s3:check`, reads these settings from. */
export const environmentOf = (s3: S3Settings): Record<string, string> => ({
  S3_ENDPOINT: s3.endpoint,
  ...(s3.publicEndpoint !== null && { S3_PUBLIC_ENDPOINT: s3.publicEndpoint }),
  S3_BUCKET: s3.bucket,
  S3_REGION: s3.region,
  S3_ACCESS_KEY_ID: s3.accessKeyId,
  S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
});

/** R2's S3 endpoint on `port` of loopback. */
export const localS3 = (port: number, secret: string): S3Settings => ({
  endpoint: `http://127.0.0.1:${port}/cdn-cgi/local/r2/s3`,
  publicEndpoint: null,
  bucket: "sluice",
  region: "auto",
  accessKeyId: "sluice",
  secretAccessKey: createHmac("sha256", secret).update("sluice local s3 v1").digest("hex"),
});

/** Where a running Sluice leaves the settings of its local S3 for `npm run s3:check`, in the form of an `.env`. */
export const sharedS3File = (data: string) => path.join(data, "s3.env");

/** Returns what removes the file again. Readable by its owner alone. */
export function shareS3(data: string, s3: S3Settings): () => void {
  const file = sharedS3File(data);
  const lines = Object.entries(environmentOf(s3)).map(([name, value]) => `${name}=${value}\n`);
  rmSync(file, { force: true }); // of a Sluice that was killed: its mode would stay
  writeFileSync(file, lines.join(""), { flag: "wx", mode: 0o600 });
  return () => rmSync(file, { force: true });
}
