import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { jsonHeaders } from "./headers.ts";
import { limitHeaders } from "./limit.ts";

/**
 * From here on `c.json` makes a reply that has all its headers: set one by one they would cost more than all else that
 * is done for a read. For handlers that set no header but by `c.json` itself.
 */
export function replyAtOnce(c: Context<AppEnv>): void {
  const json = (value: unknown, status = 200, own?: Record<string, string>) => {
    const headers = jsonHeaders(c.get("requestId"));
    if (c.get("counted")) Object.assign(headers, limitHeaders(c));
    if (own) Object.assign(headers, own);
    const reply = new Response(JSON.stringify(value), { status, headers });
    c.set("whole", reply);
    return reply;
  };
  // Hono's type also knows what is in the body.
  c.json = json as unknown as typeof c.json;
}
