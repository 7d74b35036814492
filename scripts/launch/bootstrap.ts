/** The first call of every start: makes the first admin and the demo stream, and hands out an enrolment token. */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { BootstrapReply, type BootstrapRequest } from "#contract/admin";
import { LaunchError, messageOf } from "./errors.ts";

const ATTEMPTS = 5;

/** `origin`: of the Worker. Throws a `LaunchError`. */
export async function bootstrap(origin: string, secret: string, request: BootstrapRequest): Promise<BootstrapReply> {
  const token = createHmac("sha256", secret).update("sluice bootstrap v1").digest("base64url");
  let fault = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1) await sleep(100 * attempt);
    try {
      const response = await fetch(`${origin}/internal/bootstrap`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(request),
      });
      const text = await response.text();
      if (response.ok) return BootstrapReply.parse(JSON.parse(text));
      fault = `${response.status}: ${text.slice(0, 300)}`;
      if (response.status < 500) break;
    } catch (error) {
      fault = messageOf(error);
    }
  }
  throw new LaunchError(`The control plane refused to set itself up (${fault})`);
}
