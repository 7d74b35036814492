/** One call of our own API: JSON out, JSON in, parsed by a schema, failures as `ApiFailure`. */
import { z } from "zod";
import { ApiFailure } from "./failure.ts";

const TIMEOUT_MS = 15_000;

/** RFC 9457, which the API speaks when asked to. */
const Problem = z.object({
  detail: z.string(),
  code: z.string().optional(),
  request_id: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).default([]),
});

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export async function request<T>(
  method: Method,
  path: string,
  schema: z.ZodType<T>,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const { reply, text } = await send(method, path, body, signal);
  if (!reply.ok) throw refusal(reply, text);
  const parsed = schema.safeParse(json(text));
  if (parsed.success) return parsed.data;
  throw new ApiFailure({
    kind: "unexpected",
    status: reply.status,
    message: "The server's answer was not understood. A reload may help.",
    requestId: reply.headers.get("x-request-id") ?? undefined,
  });
}

/** The answer with all of its text: its end can be as late as its beginning. */
async function send(method: Method, path: string, body: unknown, signal?: AbortSignal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const reply = await fetch(path, {
      method,
      headers: {
        accept: "application/json, application/problem+json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { reply, text: await reply.text() };
  } catch (error) {
    if (signal?.aborted) throw error;
    const message = navigator.onLine ? "The server does not answer." : "You are offline.";
    throw new ApiFailure({ kind: "offline", status: 0, message });
  }
}

function refusal(reply: Response, text: string): ApiFailure {
  const problem = Problem.safeParse(json(text)).data;
  const retryAfter = Number(reply.headers.get("retry-after") ?? Number.NaN);
  return new ApiFailure({
    kind: problem ? "refused" : "unexpected",
    status: reply.status,
    code: problem?.code,
    message: problem?.detail ?? `The server answered with status ${reply.status}.`,
    requestId: problem?.request_id ?? reply.headers.get("x-request-id") ?? undefined,
    fields: Object.fromEntries((problem?.errors ?? []).map(({ field, message }) => [field, message])),
    retryAfterSeconds: Number.isFinite(retryAfter) ? Math.max(1, Math.ceil(retryAfter)) : undefined,
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller's schema says so
  }
}
