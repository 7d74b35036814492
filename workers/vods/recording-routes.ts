/** What media workers call to hand in what they recorded. No operation of any face, so not in `/openapi.json`. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { z } from "zod";
import { CompletePart, OpenPart, PartProgress, SignSlices } from "#contract/recording";
import type { App, AppEnv } from "../core/app-env.ts";
import { boundedBody } from "../core/body.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { authenticateWorker } from "../media/authenticate-worker.ts";
import { completePart } from "./complete-part.ts";
import { openPart } from "./open-part.ts";
import { recordProgress } from "./part-progress.ts";
import { signSlices } from "./sign-slices.ts";

/** A part of 10,000 slices and 30,000 runs. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;

/** Before the body, of which nobody else may have us read so much. */
const asWorker = createMiddleware<AppEnv>(async (c, next) => {
  const { ctx } = c.var;
  ctx.actor = { kind: "media_worker", id: await authenticateWorker(ctx, c.req.header("authorization")) };
  await next();
});
const body = boundedBody({ form: false, max_bytes: BODY_MAX_BYTES });

export function recordingRoutes(app: App): void {
  app.post("/internal/media/recordings/open", asWorker, body, (c) => answer(c, OpenPart, openPart));
  app.post("/internal/media/recordings/sign", asWorker, body, (c) => answer(c, SignSlices, signSlices));
  app.post("/internal/media/recordings/progress", asWorker, body, (c) => answer(c, PartProgress, recordProgress));
  app.post("/internal/media/recordings/complete", asWorker, body, (c) => answer(c, CompletePart, completePart));
}

async function answer<S extends z.ZodType>(
  c: Context<AppEnv>,
  schema: S,
  verb: (ctx: Ctx, workerId: string, request: z.output<S>) => Promise<object>,
): Promise<Response> {
  const { ctx } = c.var;
  if (ctx.actor.kind !== "media_worker") throw new ApiError("unauthenticated");
  const parsed = schema.safeParse(await c.req.json());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ApiError("invalid_request", `${issue?.path.join(".")} ${issue?.message}`.trim());
  }
  return c.json(await verb(ctx, ctx.actor.id, parsed.data));
}
