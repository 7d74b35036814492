/** What the minute's cron does. One sweep that fails keeps no other from running. */
import { type Ctx, systemContext } from "./context.ts";
import type { Env } from "./env.ts";
import { log, logFailure } from "./log.ts";

/** By name; each returns how much it did. */
export type Sweeps = Record<string, (ctx: Ctx) => Promise<number>>;

export async function runSweeps(env: Env, execution: ExecutionContext, sweeps: Sweeps): Promise<void> {
  for (const [name, sweep] of Object.entries(sweeps)) {
    const ctx = systemContext(env, `sweep ${name}`, (promise) => execution.waitUntil(promise));
    try {
      const done = await sweep(ctx);
      if (done > 0) log("info", "sweep", { sweep: name, done, request_id: ctx.requestId });
    } catch (error) {
      logFailure("sweep failed", error, { sweep: name, request_id: ctx.requestId });
    }
  }
}
