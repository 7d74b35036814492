import { ERRORS, type ErrorCode, type ErrorSpec, type FieldError } from "#contract/errors";

/** Thrown by verbs and routes; the renderer of the face makes the reply. Blind to transport. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly code: ErrorCode;
  readonly details: readonly FieldError[];
  /** Extra response headers, e.g. `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message?: string,
    extra: { details?: readonly FieldError[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message ?? ERRORS[code].message, { cause: extra.cause });
    this.code = code;
    this.details = extra.details ?? [];
    this.headers = extra.headers ?? {};
  }

  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }
}
