/** From anything that was thrown to a reply in the face's own words. Nothing internal leaves here. */
import { HTTPException } from "hono/http-exception";
import { ERRORS } from "#contract/errors";
import type { Face } from "#contract/identity";
import { SettingsError } from "./env.ts";
import { ApiError } from "./errors.ts";
import { FACES, type Problem } from "./faces.ts";
import { S3Error } from "./s3-transport.ts";

/** Failures of D1 that pass by themselves. */
const TRANSIENT =
  /overloaded|network connection lost|storage operation exceeded timeout|reset because its code was updated/i;

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    return new ApiError(error.status === 415 ? "unsupported_media_type" : "invalid_request", undefined, {
      cause: error,
    });
  }
  if (error instanceof S3Error) {
    return new ApiError("storage_unavailable", undefined, { headers: { "Retry-After": "2" }, cause: error });
  }
  if (
    error instanceof Error &&
    !(error instanceof SettingsError) &&
    TRANSIENT.test(`${error.message} ${error.cause}`)
  ) {
    return new ApiError("unavailable", undefined, { headers: { "Retry-After": "1" }, cause: error });
  }
  return new ApiError("internal", undefined, { cause: error });
}

/**
 * `Accept: application/problem+json` gets RFC 9457 on every face. HTML only where people look, never under `/api`.
 */
export function renderError(request: Request, face: Face, error: ApiError, requestId: string): Response {
  const status = ERRORS[error.code].status;
  // 5xx say what the catalogue says, whatever the code that threw had to say.
  const message = status === 500 ? ERRORS[error.code].message : error.message;
  const headers = new Headers(error.headers);
  const wait = headers.get("Retry-After");
  const problem: Problem = {
    code: error.code,
    status,
    message,
    request_id: requestId,
    details: error.details,
    ...(wait !== null && { retry_after_s: Number(wait) }),
  };
  if (status === 401) headers.set("WWW-Authenticate", 'Bearer realm="sluice"');
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("application/problem+json")) {
    headers.set("Content-Type", "application/problem+json");
    return new Response(JSON.stringify(rfc9457(problem)), { status, headers });
  }
  const isApi = !URL.canParse(request.url) || new URL(request.url).pathname.startsWith("/api/");
  if (accept.includes("text/html") && !isApi) {
    headers.set("Content-Type", "text/html; charset=utf-8");
    return new Response(errorPage(problem), { status, headers });
  }
  headers.set("Content-Type", "application/json");
  return new Response(JSON.stringify(FACES[face].errorBody(problem)), { status, headers });
}

function rfc9457({ code, status, message, request_id, details }: Problem): Record<string, unknown> {
  return {
    type: "about:blank",
    title: ERRORS[code].message,
    status,
    detail: message,
    code,
    request_id,
    ...(details.length > 0 && { errors: details }),
  };
}

/** No script, no style sheet: it must show when nothing else works. */
function errorPage({ status, message, request_id }: Problem): string {
  const title = `${status} ${escapeHtml(message)}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<h1>${title}</h1>
<p><a href="/">To the start page</a></p>
<p><small>Request ${escapeHtml(request_id)}</small></p>
`;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
