/** `npm run s3:check`: tells what is wrong with the bucket that recordings go to. Exit code 1 when something is. */
import path from "node:path";
import { LaunchError } from "../launch/errors.ts";
import { checkBucket } from "./check.ts";
import { CORS_RULES } from "./cors.ts";
import { type Finding, findingText } from "./finding.ts";
import { chooseSettings } from "./settings.ts";

/** The bundle is `dist/launcher/s3-check.js`. */
const ROOT = path.resolve(import.meta.dirname, "../..");
const json = process.argv.includes("--json");

async function readDeployed(): Promise<Record<string, string>> {
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.WRANGLER_HIDE_BANNER = "true";
  const { unstable_readConfig } = await import("wrangler");
  const { vars } = unstable_readConfig({ config: path.join(ROOT, "wrangler.toml") });
  return Object.fromEntries(
    Object.entries(vars).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

const isBad = ({ verdict }: Finding) => verdict === "failed";
const wantsCors = ({ check, verdict }: Finding) =>
  check === "browsers" && (verdict === "failed" || verdict === "warning");

function say(finding: Finding): void {
  if (!json) console.log(findingText(finding));
}

async function main(): Promise<boolean> {
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    findings.push(finding);
    say(finding);
  };
  let about: { endpoint?: string; bucket?: string } = {};
  try {
    const { settings, origin, source } = await chooseSettings(process.argv.slice(2), process.env, ROOT, readDeployed);
    about = { endpoint: settings.endpoint, bucket: settings.bucket };
    add({ check: "settings", verdict: "ok", message: `The bucket ${settings.bucket} of ${source}` });
    for await (const finding of checkBucket(settings, origin, Date.now)) add(finding);
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    add({ check: "settings", verdict: "failed", message: error.message });
  }
  const ok = !findings.some(isBad);
  const cors = findings.some(wantsCors) ? CORS_RULES : undefined;
  if (json) console.log(JSON.stringify({ ok, ...about, findings, ...(cors && { cors }) }));
  else {
    if (cors) console.log(`\n${JSON.stringify(cors, null, 2)}`);
    console.log(ok ? "\nRecordings can be kept there." : "\nRecordings cannot be kept there as it is.");
  }
  return ok;
}

process.exitCode = (await main()) ? 0 : 1;
