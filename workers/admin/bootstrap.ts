/** The first call of every start, by whoever knows the secret: first account, demo stream, enrolment token. */
import type { BootstrapReply, BootstrapRequest } from "#contract/admin";
import { fromBase64url } from "#kit/base64url";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { createFirstAdmin } from "../identity/create-first-admin.ts";
import { createEnrolmentToken } from "../media/create-enrolment-token.ts";
import { demoStream } from "../streams/demo.ts";

const PHRASE = "sluice bootstrap v1";
const encoder = new TextEncoder();

/** The bearer token is HMAC-SHA256(SLUICE_SECRET, "sluice bootstrap v1") in base64url. Throws `unauthenticated`. */
export async function assertOperator(ctx: Ctx, authorization: string | undefined): Promise<void> {
  const given = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1] ?? "";
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(ctx.settings.secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signature = fromBase64url(given);
  const right = signature !== null && (await crypto.subtle.verify("HMAC", key, signature, encoder.encode(PHRASE)));
  if (!right) throw new ApiError("unauthenticated");
}

/** Says the same at every call, but for what is shown only once. */
export async function bootstrap(ctx: Ctx, input: BootstrapRequest): Promise<BootstrapReply> {
  const admin = await createFirstAdmin(ctx, {
    username: input.admin_username,
    ...(input.admin_password !== undefined && { password: input.admin_password }),
  });
  const demo = await demoStream(ctx, { make: input.demo, owner: admin.user.id });
  return {
    admin_created: admin.created,
    admin_username: admin.user.username,
    ...(admin.generated_password !== undefined && { admin_password: admin.generated_password }),
    demo,
    ...(input.enrol && { enrol_token: await createEnrolmentToken(ctx) }),
  };
}
