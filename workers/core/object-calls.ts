/** Calls of objects. A failed call breaks its stub, so `call` makes a new one each time. */
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import { logFailure } from "./log.ts";

const TELL_ATTEMPTS = 3;

/**
 * Tells an object what the database says already. The change is made, so its reply must not say that it failed: an
 * object that cannot be reached after three attempts is logged.
 */
export async function tellObject(
  ctx: Ctx,
  what: { object: string; order: string; [field: string]: unknown },
  call: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= TELL_ATTEMPTS; attempt++) {
    try {
      return await call();
    } catch (error) {
      logFailure("an object did not take an order", error, { request_id: ctx.requestId, ...what, attempt });
    }
  }
}

/** What an object answers, at the second attempt if not at the first. Throws `unavailable`. */
export async function askObject<T>(object: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (first) {
    logFailure("an object did not answer", first, { object });
    try {
      return await call();
    } catch (cause) {
      throw new ApiError("unavailable", undefined, { headers: { "Retry-After": "1" }, cause });
    }
  }
}
