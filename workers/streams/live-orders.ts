import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";

/**
 * Tells the stream's `LiveStream` object what the database says already. One that cannot be reached reads the database
 * itself before it lets anybody publish again.
 */
export const tellLiveStream = (ctx: Ctx, streamId: number, order: string, call: () => Promise<void>): Promise<void> =>
  tellObject(ctx, { object: "live stream", order, stream_id: streamId }, call);
