/** Which bucket is meant: by flags, by the environment and `.env`, by `wrangler.toml`, or that of the running Sluice. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { LaunchError, messageOf } from "../launch/errors.ts";
import { missingOf, S3Environment, type S3Settings, s3Of, sharedS3File } from "../launch/s3-settings.ts";

const FLAGS = {
  endpoint: "S3_ENDPOINT",
  "public-endpoint": "S3_PUBLIC_ENDPOINT",
  bucket: "S3_BUCKET",
  region: "S3_REGION",
  "access-key-id": "S3_ACCESS_KEY_ID",
  "secret-access-key": "S3_SECRET_ACCESS_KEY",
  /** Of our own pages. */
  origin: "SLUICE_PUBLIC_URL",
} as const;

type Variables = Record<string, string | undefined>;

export type Chosen = {
  settings: S3Settings;
  /** Of our own pages; null: not known. */
  origin: string | null;
  /** Where the settings come from, in words. */
  source: string;
};

const withoutEmpty = (variables: Variables) =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ""));

/** `.env` beside package.json, or the file that a running Sluice left. */
const readVariables = (file: string): Variables => (existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {});

function parseFlags(args: string[]) {
  const text = { type: "string" } as const;
  const flags = Object.fromEntries(Object.keys(FLAGS).map((name) => [name, text]));
  try {
    const options = { ...flags, json: { type: "boolean" }, deployed: { type: "boolean" } } as const;
    return parseArgs({ args, options }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    const known = [...Object.keys(FLAGS).map((name) => `--${name} …`), "--deployed", "--json"];
    throw new LaunchError(`${messageOf(error)}\nFlags: ${known.join(" ")}`);
  }
}

function parse(variables: Variables): S3Settings | null {
  const parsed = S3Environment.safeParse(withoutEmpty(variables));
  if (!parsed.success) {
    throw new LaunchError(parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("\n"));
  }
  const missing = missingOf(parsed.data);
  if (missing.length > 0) throw new LaunchError(`${missing.join(", ")} must be set too: S3_… are all given, or none`);
  return s3Of(parsed.data);
}

/** `readDeployed`: the `[vars]` of `wrangler.toml`. Throws a `LaunchError` that names what is wrong or missing. */
export async function chooseSettings(
  args: string[],
  environment: Variables,
  root: string,
  readDeployed: () => Promise<Variables>,
): Promise<Chosen> {
  const flags = parseFlags(args);
  const flagged = Object.fromEntries(Object.entries(FLAGS).map(([flag, name]) => [name, flags[flag]])) as Variables;
  const base = flags.deployed
    ? { ...(await readDeployed()), ...keysOf(environment) }
    : { ...readVariables(path.join(root, ".env")), ...withoutEmpty(environment) };
  const variables = { ...base, ...withoutEmpty(flagged) };
  const origin = URL.canParse(variables.SLUICE_PUBLIC_URL ?? "")
    ? new URL(variables.SLUICE_PUBLIC_URL ?? "").origin
    : null;
  if (flags.deployed) refuseHalf(variables);
  const own = parse(variables);
  if (own) return { settings: own, origin, source: flags.deployed ? "wrangler.toml" : "the settings" };
  const data = path.resolve(root, variables.SLUICE_DATA || "./data");
  const local = parse(readVariables(sharedS3File(data)));
  if (local) return { settings: local, origin, source: `the Sluice that runs on ${data}` };
  throw new LaunchError(`No S3_… is set, and no Sluice runs on ${data}: set them (see README), or npm start first`);
}

/** What `wrangler.toml` and the environment each lack. */
function refuseHalf(variables: Variables): void {
  if (!variables.S3_ENDPOINT && !variables.S3_BUCKET) {
    throw new LaunchError(
      "wrangler.toml names no bucket, and nothing is recorded: set S3_ENDPOINT and S3_BUCKET in [vars]",
    );
  }
  if (!variables.S3_ACCESS_KEY_ID || !variables.S3_SECRET_ACCESS_KEY) {
    throw new LaunchError(
      "The keys are secrets of the Worker, which nobody can read: give S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY in the environment",
    );
  }
}

/** Secrets are not in `wrangler.toml`. */
const keysOf = ({ S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }: Variables): Variables =>
  withoutEmpty({ S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY });
