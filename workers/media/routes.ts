/** What media workers call. No operation of any face, so not in `/openapi.json`. */
import type { z } from "zod";
import { EnrolRequest, ReportBatch } from "#contract/media";
import type { App } from "../core/app-env.ts";
import { boundedBody } from "../core/body.ts";
import { ApiError } from "../core/errors.ts";
import { authenticateWorker } from "./authenticate-worker.ts";
import { enrolWorker } from "./enrol.ts";
import { openLink, takeReports } from "./link.ts";

const body = boundedBody({ form: false });

export function mediaRoutes(app: App): void {
  app.post("/internal/media/enrol", body, async (c) =>
    c.json(await enrolWorker(c.var.ctx, parse(EnrolRequest, await c.req.json()))),
  );

  app.get("/internal/media/link", async (c) => {
    const workerId = await authenticateWorker(c.var.ctx, c.req.header("authorization"));
    return openLink(c.var.ctx, workerId, c.req.raw);
  });

  app.post("/internal/media/reports", body, async (c) => {
    const workerId = await authenticateWorker(c.var.ctx, c.req.header("authorization"));
    const { reports } = parse(ReportBatch, await c.req.json());
    await takeReports(c.var.ctx, workerId, reports);
    return c.json({ taken: reports.length });
  });
}

/** Throws `invalid_request`. */
function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError("invalid_request", `${issue?.path.join(".")} ${issue?.message}`.trim());
}
