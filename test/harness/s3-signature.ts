/** SigV4 as S3 checks it: signed headers or a presigned query. Written from the specification, for the S3 of the tests. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { S3Problem } from "./s3-problem.ts";

export type Credentials = { region: string; accessKeyId: string; secretAccessKey: string };

export type SignedRequest = {
  method: string;
  /** As on the request line, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
};

/** What a signed header may differ from our clock by. */
const SKEW_MS = 15 * 60_000;
const WEEK_S = 604_800;
const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";

type Claims = {
  accessKeyId: string;
  /** `date/region/s3/aws4_request` */
  scope: string;
  /** `YYYYMMDDTHHMMSSZ` */
  date: string;
  signedHeaders: string[];
  signature: string;
  payload: string;
};

/**
 * Throws `S3Problem` unless the request was signed with these credentials and is in time. Returns the SHA-256 (hex)
 * that its body must have, or null when the body is not signed.
 */
export function checkSignature(request: SignedRequest, credentials: Credentials, now: number): string | null {
  const presigned = request.query.has("X-Amz-Algorithm");
  const claims = presigned ? fromQuery(request) : fromHeaders(request);
  const signedAt = timeOf(claims.date);
  if (presigned) checkLifetime(request.query, signedAt, now);
  else if (Math.abs(now - signedAt) > SKEW_MS) {
    throw new S3Problem(403, "RequestTimeTooSkewed", "The difference between the request time and ours is too large");
  }
  if (claims.accessKeyId !== credentials.accessKeyId) throw new S3Problem(403, "InvalidAccessKeyId", "No such key");
  const scope = `${claims.date.slice(0, 8)}/${credentials.region}/s3/aws4_request`;
  if (claims.scope !== scope) {
    throw new S3Problem(400, "AuthorizationHeaderMalformed", `The scope must be ${scope}, and is ${claims.scope}`);
  }
  checkSignedHeaders(request.headers, claims.signedHeaders);
  const canonical = canonicalRequest(request, claims);
  const toSign = [ALGORITHM, claims.date, claims.scope, sha256(canonical)].join("\n");
  const expected = hmac(signingKey(credentials.secretAccessKey, claims.scope), toSign).toString("hex");
  if (!same(expected, claims.signature)) {
    throw new S3Problem(403, "SignatureDoesNotMatch", `The signature does not match that of\n${canonical}`);
  }
  return claims.payload === UNSIGNED ? null : claims.payload;
}

function fromQuery({ query }: SignedRequest): Claims {
  const need = (name: string) => {
    const value = query.get(name);
    if (value === null) throw new S3Problem(400, "AuthorizationQueryParametersError", `${name} is missing`);
    return value;
  };
  if (need("X-Amz-Algorithm") !== ALGORITHM) throw new S3Problem(400, "InvalidRequest", "Unknown algorithm");
  const [accessKeyId = "", ...scope] = need("X-Amz-Credential").split("/");
  return {
    accessKeyId,
    scope: scope.join("/"),
    date: need("X-Amz-Date"),
    signedHeaders: need("X-Amz-SignedHeaders").split(";"),
    signature: need("X-Amz-Signature"),
    payload: query.get("X-Amz-Content-Sha256") ?? UNSIGNED,
  };
}

function fromHeaders({ headers }: SignedRequest): Claims {
  const authorization = headers.authorization;
  if (!authorization) throw new S3Problem(403, "AccessDenied", "Anonymous requests are refused");
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  if (!match) throw new S3Problem(400, "AuthorizationHeaderMalformed", "The authorization header is malformed");
  const [, credential = "", signedHeaders = "", signature = ""] = match;
  const [accessKeyId = "", ...scope] = credential.split("/");
  const payload = headers["x-amz-content-sha256"];
  if (typeof payload !== "string") throw new S3Problem(400, "InvalidRequest", "x-amz-content-sha256 is missing");
  const date = String(headers["x-amz-date"] ?? "");
  return { accessKeyId, scope: scope.join("/"), date, signedHeaders: signedHeaders.split(";"), signature, payload };
}

function checkLifetime(query: URLSearchParams, signedAt: number, now: number): void {
  const seconds = Number(query.get("X-Amz-Expires"));
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > WEEK_S) {
    throw new S3Problem(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800");
  }
  if (now + SKEW_MS < signedAt) throw new S3Problem(403, "AccessDenied", "Request is not valid yet");
  if (now > signedAt + seconds * 1000) throw new S3Problem(403, "AccessDenied", "Request has expired");
}

/** `host` and every `x-amz-` header that is sent must be signed. */
function checkSignedHeaders(headers: IncomingHttpHeaders, signed: readonly string[]): void {
  const amz = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  const missing = ["host", ...amz].filter((name) => !signed.includes(name));
  if (missing.length > 0) throw new S3Problem(403, "AccessDenied", `Not signed: ${missing.join(", ")}`);
}

function canonicalRequest({ method, path, query, headers }: SignedRequest, claims: Claims): string {
  const parameters = [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, v], [b, w]) => (a === b ? compare(v, w) : compare(a, b)));
  const lines = claims.signedHeaders.map((name) => {
    const value = headers[name];
    return `${name}:${String(value ?? "")
      .trim()
      .replace(/\s+/g, " ")}\n`;
  });
  return [
    method,
    path
      .split("/")
      .map((segment) => encode(decodeURIComponent(segment)))
      .join("/"),
    parameters.map(([name, value]) => `${name}=${value}`).join("&"),
    lines.join(""),
    claims.signedHeaders.join(";"),
    claims.payload,
  ].join("\n");
}

function signingKey(secret: string, scope: string): Buffer {
  return scope.split("/").reduce((key: string | Buffer, part) => hmac(key, part), `AWS4${secret}`) as Buffer;
}

/** `20261121T120000Z` → UTC ms. */
function timeOf(date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (!match) throw new S3Problem(403, "AccessDenied", "x-amz-date is missing or malformed");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** RFC 3986: everything but the unreserved characters. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const same = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
