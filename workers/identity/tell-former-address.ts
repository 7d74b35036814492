/** Whoever can change the address of an account can have links mailed to it: its owner hears of it at the old one. */
import { rateLimiter } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { sendMail } from "../core/mail.ts";

/** Nobody's mailbox is to be filled by somebody who takes its address and leaves it, over and over. */
const TOLD_MAX = 3;
const WINDOW_MS = 24 * 3_600_000;

type Former = { id: number; username: string; email: string };

/** After the commit. Without mail nothing happens; a mail that cannot be sent is logged. */
export function tellFormerAddress(ctx: Ctx, former: Former): void {
  if (!ctx.settings.mail) return;
  const told = tell(ctx, former).catch((error: unknown) =>
    logFailure("a former address was not told", error, { request_id: ctx.requestId }),
  );
  ctx.waitUntil(told);
}

async function tell(ctx: Ctx, { id, username, email }: Former): Promise<void> {
  const { granted } = await rateLimiter(ctx.env, `apps:address_change:${id}`).take(TOLD_MAX, WINDOW_MS, 1);
  if (granted === 0) return;
  await sendMail(ctx, {
    to: email,
    subject: "Your e-mail address at Sluice was changed",
    text: [
      `Hello ${username},`,
      "",
      "your account does not have this e-mail address any more. Links to sign in are not sent here from now on.",
      "",
      "If it was not you, change your password, which signs everybody else out, and set your address again:",
      "",
      `${ctx.settings.publicUrl}/account/security`,
      "",
    ].join("\n"),
  });
}
