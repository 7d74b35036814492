import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";

const ATTEMPTS = 3;

/**
 * Tells the stream's `LiveStream` object what the database says already. The change is made, so its reply must not say
 * that it failed: an object that cannot be reached after three attempts is logged, and reads the database itself
 * before it lets anybody publish again. `order` makes a new stub each time, since a failed call breaks its stub.
 */
export async function tellLiveStream(
  ctx: Ctx,
  streamId: number,
  name: string,
  order: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await order();
    } catch (error) {
      logFailure("live stream did not take an order", error, {
        request_id: ctx.requestId,
        stream_id: streamId,
        order: name,
        attempt,
      });
    }
  }
}
