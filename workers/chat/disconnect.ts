import { eq } from "drizzle-orm";
import { users } from "#tables/identity";
import { chatGateway } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";
import { gatewayNames } from "./gateway-name.ts";

/**
 * After a session or an API key was revoked: its sockets are closed; or all of a user's. A gateway that does not hear
 * of it lets them expire.
 */
export async function disconnectChat(ctx: Ctx, userId: number, who: { session: string } | "all"): Promise<void> {
  const order = who === "all" ? { user_id: userId } : who;
  await tellObject(ctx, { object: "chat gateway", order: "disconnect", user_id: userId }, async () => {
    const user = await ctx.db.select({ region: users.home_region }).from(users).where(eq(users.id, userId)).get();
    const names = gatewayNames(ctx.settings, user?.region ?? null, String(userId));
    await Promise.all(names.map((name) => chatGateway(ctx.env, name).disconnect(order)));
  });
}
