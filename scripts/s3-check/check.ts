/** All that is asked of a bucket, in the order in which one answer depends on another. */
import type { S3Settings } from "../launch/s3-settings.ts";
import { ask, Bucket } from "./bucket.ts";
import { checkBrowsers } from "./cors.ts";
import { isUnsupported, refusal } from "./explain.ts";
import { type Check, type Finding, Trouble } from "./finding.ts";
import { judgeLifecycle } from "./lifecycle.ts";
import { Probe } from "./probe.ts";

const SKEW_MAX_MS = 15 * 60_000;
const SKEW_MS = 60_000;

/** Any answer will do: it is not signed. */
async function checkEndpoint({ endpoint }: S3Settings, now: () => number): Promise<Finding[]> {
  const before = now();
  const { headers } = await ask(`${endpoint}/`);
  return [{ check: "endpoint", verdict: "ok", message: `${endpoint} answers` }, clock(headers.get("date"), before)];
}

function clock(date: string | null, now: number): Finding {
  const check = "clock";
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return { check, verdict: "unknown", message: "It does not tell the time" };
  const apart = Math.abs(theirs - now);
  if (apart <= SKEW_MS) return { check, verdict: "ok", message: "Its clock and ours agree" };
  const message = `Its clock and ours are ${Math.round(apart / SKEW_MS)} minutes apart`;
  const verdict = apart > SKEW_MAX_MS ? "failed" : "warning";
  return { check, verdict, message, todo: "Set the clock of this machine by NTP (timedatectl set-ntp true)" };
}

/** `origin`: of our own pages; null when it is not known. */
async function checkPublic(bucket: Bucket, probe: Probe, origin: string | null): Promise<Finding[]> {
  const { publicEndpoint } = bucket.settings;
  if (publicEndpoint === null) {
    const message = "Recordings are played through Sluice: there is no S3_PUBLIC_ENDPOINT";
    const todo = "Set it when browsers can reach the bucket: they then fetch recordings from there";
    return [{ check: "browsers", verdict: "advice", message, todo }];
  }
  const key = await probe.put("public");
  return checkBrowsers(await bucket.presign("GET", key, { endpoint: publicEndpoint }), origin);
}

async function checkLifecycle(bucket: Bucket): Promise<Finding[]> {
  const check = "lifecycle";
  const reply = await bucket.call("", { query: { lifecycle: "" } });
  if (isUnsupported(reply))
    return [{ check, verdict: "unknown", message: "This S3 does not tell its lifecycle rules" }];
  if (reply.code === "AccessDenied" || reply.status === 403) {
    const message = "The key may not read the lifecycle rules";
    const todo = "See for yourself that none removes objects under vods/, and that one aborts incomplete uploads";
    return [{ check, verdict: "unknown", message, todo }];
  }
  if (reply.code === "NoSuchLifecycleConfiguration") return judgeLifecycle("");
  if (reply.status !== 200) throw refusal("s3:GetLifecycleConfiguration", reply, bucket.settings);
  return judgeLifecycle(reply.text);
}

/** Yields each finding as it is made. `now`: UTC ms. */
export async function* checkBucket(
  settings: S3Settings,
  origin: string | null,
  now: () => number,
): AsyncGenerator<Finding> {
  const bucket = new Bucket(settings);
  const probe = new Probe(bucket);
  const steps: [Check, () => Promise<Finding[]>][] = [
    ["endpoint", () => checkEndpoint(settings, now)],
    ["bucket", () => probe.list()],
    ["object", () => probe.object()],
    ["presigned", () => probe.presigned()],
    ["multipart", () => probe.multipart()],
    ["browsers", () => checkPublic(bucket, probe, origin)],
    ["lifecycle", () => checkLifecycle(bucket)],
    ["sweep", () => probe.sweep()],
  ];
  let touched = false;
  for (const [check, step] of steps) {
    if (check === "object") touched = true;
    try {
      yield* await step();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      yield { check, verdict: "failed", message: error.message, todo: error.todo };
      // The way of browsers may be broken while ours is not.
      if (error.fatal && check !== "browsers") break;
    }
  }
  if (!touched) return;
  try {
    yield* await probe.cleanUp();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    const todo = `Remove what lies under ${probe.prefix}. ${error.todo}`;
    yield { check: "clean-up", verdict: "warning", message: `Something is left: ${error.message}`, todo };
  }
}
