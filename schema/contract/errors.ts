/** The closed catalogue of errors: one code, one status. How a code looks on the wire is its face's affair. */

/** `message` is what people read when the place that fails has nothing more exact to say. */
export type ErrorSpec = { status: ErrorStatus; message: string };
export type ErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 409
  | 412
  | 413
  | 415
  | 416
  | 422
  | 426
  | 429
  | 500
  | 502
  | 503
  | 504;

export const ERRORS = {
  invalid_request: { status: 400, message: "The request is not valid" },
  invalid_json: { status: 400, message: "The body is not valid JSON" },
  unauthenticated: { status: 401, message: "Authentication required: sign in, or send a token of POST /api/token" },
  bad_credentials: { status: 401, message: "Wrong username or password" },
  totp_required: { status: 401, message: "A code of the authenticator app is needed" },
  totp_invalid: { status: 401, message: "The code is not valid, or was used already" },
  forbidden: { status: 403, message: "Not allowed" },
  bad_key: { status: 403, message: "The key is not valid" },
  bad_invite_code: { status: 403, message: "The invite code is not valid, or not any more" },
  signup_disabled: { status: 403, message: "Nobody can sign up here" },
  cross_origin: { status: 403, message: "Cross-origin request with a cookie session refused" },
  not_found: { status: 404, message: "Not found" },
  not_live: { status: 404, message: "The stream is not live" },
  method_not_allowed: { status: 405, message: "Method not allowed" },
  conflict: { status: 409, message: "It exists already" },
  still_recording: { status: 409, message: "It is still being recorded" },
  idempotency_running: { status: 409, message: "The first request with this Idempotency-Key is still running" },
  precondition_failed: { status: 412, message: "It was changed meanwhile: read it again" },
  body_too_large: { status: 413, message: "The body is too large" },
  range_not_satisfiable: { status: 416, message: "The range lies outside the file" },
  unsupported_media_type: { status: 415, message: "The content type is not supported" },
  idempotency_mismatch: { status: 422, message: "This Idempotency-Key was sent with another request" },
  upgrade_required: { status: 426, message: "This is a WebSocket: ask for an upgrade" },
  rate_limited: { status: 429, message: "Too many requests" },
  internal: { status: 500, message: "Internal error" },
  upstream_failed: { status: 502, message: "The media worker gave no usable answer" },
  unavailable: { status: 503, message: "Temporarily unavailable" },
  storage_unavailable: { status: 503, message: "The recordings' storage is away or not configured" },
  upstream_timeout: { status: 504, message: "The media worker did not answer in time" },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** One thing that is wrong with a request, e.g. `{field: "title", message: "must be at most 100 characters"}`. */
export type FieldError = {
  field: string;
  message: string;
  /** Where the field is, when it is not the body's. */
  in?: "path" | "query";
};
