import { eq } from "drizzle-orm";
import { users } from "#tables/identity";
import { chatGateway } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";
import { gatewayName } from "./gateway-name.ts";

/** After a session was revoked: its sockets are closed. A gateway that does not hear of it lets them expire. */
export async function disconnectSession(ctx: Ctx, userId: number, session: string): Promise<void> {
  await tellObject(ctx, { object: "chat gateway", order: "disconnect", user_id: userId }, async () => {
    const user = await ctx.db.select({ region: users.home_region }).from(users).where(eq(users.id, userId)).get();
    const name = gatewayName(ctx.settings, user?.region ?? null, String(userId));
    await chatGateway(ctx.env, name).disconnect({ session });
  });
}
