import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { JSON_HEADERS } from "./headers.ts";
import { limitHeaders } from "./limit.ts";

/**
 * From here on `c.json` makes a reply that has all its headers: set one by one they would cost more than all else that
 * is done for a read. For handlers that set no header but by `c.json` itself.
 */
export function replyAtOnce(c: Context<AppEnv>): void {
  const json = (value: unknown, status = 200, headers: Record<string, string> = {}) => {
    const all = { ...JSON_HEADERS, "X-Request-Id": c.get("requestId"), ...limitHeaders(c), ...headers };
    const reply = new Response(JSON.stringify(value), { status, headers: all });
    c.set("whole", reply);
    return reply;
  };
  // Hono's type also knows what is in the body.
  c.json = json as unknown as typeof c.json;
}
