/** What a check found, in plain words. */

/** `unknown`: this S3, or this key, does not let us look. */
export type Verdict = "ok" | "advice" | "warning" | "failed" | "unknown";

export type Finding = {
  check: Check;
  verdict: Verdict;
  message: string;
  /** What to do next. */
  todo?: string;
};

/** In the order in which they are made. */
export const CHECKS = [
  "settings",
  "endpoint",
  "clock",
  "bucket",
  "object",
  "presigned",
  "multipart",
  "browsers",
  "lifecycle",
  "sweep",
  "clean-up",
] as const;
export type Check = (typeof CHECKS)[number];

/** A fault with its remedy. Thrown, it ends the check in which it was met. */
export class Trouble extends Error {
  override name = "Trouble";
  readonly todo: string;
  /** Without this nothing that follows can be checked. */
  readonly fatal: boolean;

  constructor(message: string, todo: string, fatal = false) {
    super(message);
    this.todo = todo;
    this.fatal = fatal;
  }
}

const MARKS: Record<Verdict, string> = {
  ok: "ok      ",
  advice: "advice  ",
  warning: "warning ",
  failed: "FAILED  ",
  unknown: "unknown ",
};

/** One line, and another for what to do. */
export function findingText({ check, verdict, message, todo }: Finding): string {
  const line = `${MARKS[verdict]} ${check}: ${message}`;
  return todo === undefined ? line : `${line}\n          → ${todo}`;
}
