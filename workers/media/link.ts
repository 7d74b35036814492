import type { JobReport } from "#contract/media";
import { mediaNode } from "../../durable-objects/stubs.ts";
import { isUpgrade } from "../core/client.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

/** Hands the WebSocket upgrade of an authenticated media worker to its object. Throws `invalid_request`. */
export async function openLink(ctx: Ctx, workerId: string, request: Request): Promise<Response> {
  if (!isUpgrade(request)) {
    throw new ApiError("invalid_request", "The media link is a WebSocket");
  }
  const upgrade = new Request(request);
  // The object trusts the route; the credential ends here.
  upgrade.headers.delete("authorization");
  return mediaNode(ctx.env, workerId).fetch(upgrade);
}

/** Takes in spooled reports; each may come any number of times. */
export async function takeReports(ctx: Ctx, workerId: string, reports: JobReport[]): Promise<void> {
  await mediaNode(ctx.env, workerId).reports(reports);
}
