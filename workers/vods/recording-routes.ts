/** What media workers call to hand in what they recorded. No operation of any face, so not in `/openapi.json`. */
import type { Context } from "hono";
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

const body = boundedBody({ form: false, max_bytes: BODY_MAX_BYTES });

export function recordingRoutes(app: App): void {
  app.post("/internal/media/recordings/open", body, (c) => answer(c, OpenPart, openPart));
  app.post("/internal/media/recordings/sign", body, (c) => answer(c, SignSlices, signSlices));
  app.post("/internal/media/recordings/progress", body, (c) => answer(c, PartProgress, recordProgress));
  app.post("/internal/media/recordings/complete", body, (c) => answer(c, CompletePart, completePart));
}

async function answer<S extends z.ZodType>(
  c: Context<AppEnv>,
  schema: S,
  verb: (ctx: Ctx, workerId: string, request: z.output<S>) => Promise<object>,
): Promise<Response> {
  const id = await authenticateWorker(c.var.ctx, c.req.header("authorization"));
  const parsed = schema.safeParse(await c.req.json());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ApiError("invalid_request", `${issue?.path.join(".")} ${issue?.message}`.trim());
  }
  return c.json(await verb({ ...c.var.ctx, actor: { kind: "media_worker", id } }, id, parsed.data));
}
