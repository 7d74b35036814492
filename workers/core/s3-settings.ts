/** The settings of the bucket that recordings are kept in: any S3, addressed by path as `${endpoint}/${bucket}/${key}`. */
import { z } from "zod";

export type S3Settings = {
  /** As the Worker and media workers reach it, without a slash at its end. */
  endpoint: string;
  /** As browsers reach it; null: they cannot. */
  publicEndpoint: string | null;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** What the daily sweep does with objects and uploads that no row knows. */
  sweep: "delete" | "dry-run" | "off";
};

/** May have a path, as R2's local endpoint does. */
const endpoint = z
  .url({ protocol: /^https?$/ })
  .refine((url) => /^[^/]+\/\/[^/?#@]+(\/[^?#]*)?$/.test(url))
  .transform((url) => new URL(url).href.replace(/\/+$/, ""));

/** Empty is the same as unset. `fault` never shows the value. */
const setting = <S extends z.ZodType>(schema: S, fault: string) =>
  z
    .string()
    .optional()
    .transform((value, context): z.output<S> | undefined => {
      if (value === undefined || value === "") return undefined;
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      context.issues.push({ code: "custom", input: undefined, message: fault });
      return z.NEVER;
    });

const key = setting(z.string().regex(/^[!-~]{1,256}$/), "must be printable ASCII without spaces");
const url = setting(endpoint, "must be an http:// or https:// URL without a query");

const Variables = z.object({
  S3_ENDPOINT: url,
  S3_PUBLIC_ENDPOINT: url,
  S3_BUCKET: setting(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/), "must be the name of a bucket"),
  S3_REGION: setting(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), "must be the name of a region, or auto"),
  S3_ACCESS_KEY_ID: key,
  S3_SECRET_ACCESS_KEY: key,
  S3_SWEEP: setting(z.enum(["delete", "dry-run", "off"]), "must be delete, dry-run or off"),
});

/** Of no use one without the others. */
const NEEDED = ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const;

/** Null without settings: then nothing is recorded. Issues name what is wrong, and what is missing of a partial set. */
export const S3Variables = Variables.transform((variables, context): S3Settings | null => {
  const { S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = variables;
  if (S3_ENDPOINT && S3_BUCKET && S3_ACCESS_KEY_ID && S3_SECRET_ACCESS_KEY) {
    return {
      endpoint: S3_ENDPOINT,
      publicEndpoint: S3_PUBLIC_ENDPOINT ?? null,
      bucket: S3_BUCKET,
      region: variables.S3_REGION ?? "auto",
      accessKeyId: S3_ACCESS_KEY_ID,
      secretAccessKey: S3_SECRET_ACCESS_KEY,
      sweep: variables.S3_SWEEP ?? "delete",
    };
  }
  const missing = NEEDED.filter((name) => !variables[name]);
  if (missing.length === NEEDED.length && !S3_PUBLIC_ENDPOINT) return null;
  for (const name of missing) {
    context.issues.push({
      code: "custom",
      input: undefined,
      path: [name],
      message: "is missing, other S3_ settings are there",
    });
  }
  return z.NEVER;
});
