/** What can go wrong with a request, as a value that pages can show. */
export type FailureKind =
  /** No answer: offline, or the server is away. */
  | "offline"
  /** The API said no, in its own words. */
  | "refused"
  /** An answer that is not the API's. */
  | "unexpected";

export type FailureDetails = {
  kind: FailureKind;
  /** HTTP status; 0 without an answer. */
  status: number;
  message: string;
  /** The API's own, of `#contract/errors`. */
  code?: string | undefined;
  requestId?: string | undefined;
  /** What is wrong with which field of the request. */
  fields?: Record<string, string> | undefined;
  retryAfterSeconds?: number | undefined;
};

export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly kind: FailureKind;
  readonly status: number;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  readonly fields: Record<string, string>;
  readonly retryAfterSeconds: number | undefined;

  constructor(details: FailureDetails) {
    super(details.message);
    this.kind = details.kind;
    this.status = details.status;
    this.code = details.code;
    this.requestId = details.requestId;
    this.fields = details.fields ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Anything thrown, as a failure. */
export function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure({ kind: "unexpected", status: 0, message: "Something went wrong in this page." });
}

/** What was typed in is wrong; whoever typed it is signed in all the same. */
const MISTYPED: readonly (string | undefined)[] = ["bad_credentials", "totp_required", "totp_invalid"];

export const isSignedOut = (error: unknown): boolean =>
  error instanceof ApiFailure && error.status === 401 && !MISTYPED.includes(error.code);
