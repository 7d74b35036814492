/** Structured logs: one JSON object per line on the console, with nothing in it that opens a door. */

type Level = "debug" | "info" | "warn" | "error";

/** Keys with a known prefix, JWTs, path tokens behind `/hls/`, and the values of telling query parameters. */
const SECRETS: readonly [pattern: RegExp, replacement: string][] = [
  [/\b((?:live|rtmp|portal|sk|br|wsk)(?:_|%5[Ff]))[A-Za-z0-9_%-]{4,}/g, "$1…"],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, "jwt…"],
  [/(\/hls\/)[^/?#\s]{24,}(?=\/)/g, "$1…"],
  [/([?&](?:token|api_token|magic|key|password|secret|x-amz-(?:signature|credential))=)[^&#\s]*/gi, "$1…"],
];

export function redact(text: string): string {
  return SECRETS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}

export function log(level: Level, msg: string, fields: Record<string, unknown> = {}): void {
  console[level](redact(JSON.stringify({ level, time: Date.now(), msg, ...fields })));
}

/** An unexpected failure, for operators only: replies never carry it. */
export function logFailure(msg: string, error: unknown, fields: Record<string, unknown> = {}): void {
  const shown =
    error instanceof Error
      ? { error: withoutValues(error.message), stack: withoutValues(error.stack ?? ""), cause: causeOf(error) }
      : { error };
  log("error", msg, { ...fields, ...shown });
}

/** Drizzle writes a failed query's values into its message: hashes of passwords and keys, and what people wrote. */
const withoutValues = (text: string) => text.replace(/\nparams: .*?(?=\n {4}at |$)/gs, "\nparams: …");

function causeOf(error: Error): string | undefined {
  return error.cause instanceof Error ? withoutValues(error.cause.message) : undefined;
}
