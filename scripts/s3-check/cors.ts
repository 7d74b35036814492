/** What a browser needs of the bucket to play from it. */
import { ask } from "./bucket.ts";
import { type Finding, Trouble } from "./finding.ts";

const EXPOSED = ["Content-Length", "Content-Range", "ETag"];

/** For Cloudflare's dashboard and `wrangler r2 bucket cors`, and, wrapped in `CORSRules`, for `aws s3api put-bucket-cors`. */
export const CORS_RULES = [
  {
    AllowedOrigins: ["*"],
    AllowedMethods: ["GET", "HEAD"],
    AllowedHeaders: ["Range"],
    ExposeHeaders: EXPOSED,
    MaxAgeSeconds: 86_400,
  },
];
const TODO = "Give the bucket the CORS rules below";

const words = (header: string | null) => (header ?? "").split(",").map((word) => word.trim().toLowerCase());
const allows = (headers: Headers, origin: string) =>
  ["*", origin].includes(headers.get("access-control-allow-origin") ?? "");

const SETTING = "S3_PUBLIC_ENDPOINT";

/** Asks as a page of `origin` would that plays `url`, a presigned GET. Throws `Trouble`. */
async function play(url: string, origin: string): Promise<void> {
  const got = await ask(url, { headers: { origin, range: "bytes=0-3" } }, SETTING);
  if (got.status !== 206) {
    const todo = `${SETTING} must be the S3 API of the same bucket, under a name that browsers know: no CDN, no public page of it`;
    throw new Trouble(`A presigned address there answers ${got.status} ${got.code}`.trimEnd(), todo);
  }
  if (!allows(got.headers, origin)) throw new Trouble(`A page of ${origin} may not read from the bucket`, TODO);
  const shown = words(got.headers.get("access-control-expose-headers"));
  const hidden = EXPOSED.filter((name) => !shown.includes(name.toLowerCase()) && !shown.includes("*"));
  if (hidden.length > 0) throw new Trouble(`Pages do not see ${hidden.join(", ")} of the answers`, TODO);
  const preflight = await ask(
    url,
    {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "range" },
    },
    SETTING,
  );
  const allowed = words(preflight.headers.get("access-control-allow-headers"));
  const asks = allowed.includes("range") || allowed.includes("*");
  if (preflight.status >= 300 || !allows(preflight.headers, origin) || !asks) {
    throw new Trouble(`A page of ${origin} may not ask for a range`, TODO);
  }
}

/** `origin`: of our own pages; null when it is not known. `url`: a presigned GET at the public endpoint. */
export async function checkBrowsers(url: string, origin: string | null): Promise<Finding[]> {
  const check = "browsers";
  // A player on another site is sent on by us to the bucket, and the browser then keeps its origin to itself.
  const elsewhere = "null";
  if (origin !== null) await play(url, origin);
  try {
    await play(url, elsewhere);
  } catch (error) {
    if (!(error instanceof Trouble) || error.fatal || origin === null) throw error;
    const message = `Our pages can play from the bucket, players on other sites cannot`;
    return [{ check, verdict: "warning", message, todo: TODO }];
  }
  return [{ check, verdict: "ok", message: "They can play from S3_PUBLIC_ENDPOINT" }];
}
