/** The faces as a table: where each is mounted, which credentials it takes, and how it says that something failed. */
import { z } from "@hono/zod-openapi";
import type { ErrorCode, FieldError } from "#contract/errors";
import type { Face } from "#contract/identity";

/** An error as the renderers see it. */
export type Problem = {
  code: ErrorCode;
  status: number;
  message: string;
  request_id: string;
  details: readonly FieldError[];
  /** In how many seconds to try again, where that is known. */
  retry_after_s?: number;
};

/** Ways to say who one is. A key counts on its own face only, a session's token on each. */
export type CredentialForm = "bearer" | "api_key" | "app_token" | "stream_key" | "query_token" | "cookie";

export type Dialect = {
  /** The longest that matches says the face: a path, or with a slash at its end all that begins with it. */
  mounts: readonly string[];
  credentials: readonly CredentialForm[];
  errorBody(problem: Problem): Record<string, unknown>;
  /** What `errorBody` returns, for the documentation. */
  errorSchema: z.ZodType;
};

export const FACES = {
  portal: {
    mounts: ["/"],
    credentials: ["bearer", "api_key", "stream_key", "query_token", "cookie"],
    errorBody: ({ message, status, request_id, retry_after_s }) => ({
      error: message,
      status,
      request_id,
      ...(status === 429 && { retry_after: retry_after_s }),
    }),
    errorSchema: z
      .object({
        error: z.string(),
        status: z.int(),
        request_id: z.string(),
        retry_after: z.int().optional().describe("In how many seconds to try again; with 429"),
      })
      .openapi("Error"),
  },
  apps: {
    mounts: ["/api/v1", "/api/v1/"],
    credentials: ["bearer", "app_token"],
    errorBody: appsError,
    errorSchema: z
      .union([
        z.object({
          statusCode: z.int(),
          message: z.union([z.string(), z.array(z.string())]),
          error: z.string(),
          request_id: z.string(),
        }),
        z.object({
          data: z.null(),
          error: z.object({ code: z.string(), message: z.string() }),
          retryAfterSeconds: z.int().optional(),
          request_id: z.string(),
        }),
      ])
      .openapi("AppsError"),
  },
  recorder: {
    mounts: [
      "/api/auth/",
      "/api/channels",
      "/api/channels/",
      "/api/recordings",
      "/api/recordings/",
      "/api/storage",
      "/api/storage/",
      // These alone: what is below them is the portal's.
      "/api/settings",
      "/api/health",
      "/api/logs",
      "/api/system/dependencies",
      "/api/shutdown",
      "/api/ws",
    ],
    credentials: ["bearer"],
    errorBody: ({ code, message, status, request_id }) => ({
      error: { code: RECORDER_CODES[status] ?? code.toUpperCase(), message },
      request_id,
    }),
    errorSchema: z
      .object({ error: z.object({ code: z.string(), message: z.string() }), request_id: z.string() })
      .openapi("RecorderError"),
  },
} as const satisfies Record<Face, Dialect>;

/** What clients of the recorder branch on, by status; 404 is the code that says what there is none of. */
const RECORDER_CODES: Record<number, string> = {
  400: "VALIDATION_ERROR",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  409: "CONFLICT",
  429: "RATE_LIMITED",
  500: "INTERNAL_ERROR",
};

const REASONS: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Entity",
  426: "Upgrade Required",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** Clients of the apps face branch on these instead of a sentence. */
const TOLD_AS_CODE: ReadonlySet<ErrorCode> = new Set(["totp_required", "totp_invalid", "signup_disabled"]);

/** A limit has a form of its own. Else: what is wrong with a body comes as a list, everything else as one sentence. */
function appsError({ code, message, status, request_id, details, retry_after_s }: Problem): Record<string, unknown> {
  if (status === 429) {
    const wait = retry_after_s === undefined ? {} : { retryAfterSeconds: retry_after_s };
    return { data: null, error: { code, message }, ...wait, request_id };
  }
  const sentence = TOLD_AS_CODE.has(code) ? code : message;
  const ofBody = details.filter((each) => each.in === undefined);
  return {
    statusCode: status,
    message: ofBody.length > 0 ? ofBody.map((each) => `${each.field} ${each.message}`.trim()) : sentence,
    error: REASONS[status] ?? "Error",
    request_id,
  };
}

const MOUNTS = (Object.entries(FACES) as [Face, Dialect][])
  .flatMap(([face, { mounts }]) => mounts.map((mount) => ({ face, mount, isFolder: mount.endsWith("/") })))
  .sort((a, b) => b.mount.length - a.mount.length);

export function faceOf(path: string): Face {
  const found = MOUNTS.find(({ mount, isFolder }) => (isFolder ? path.startsWith(mount) : path === mount));
  if (!found) throw new Error("every path belongs to a face");
  return found.face;
}
