import { eq } from "drizzle-orm";
import { users } from "#tables/identity";
import { chatGateway } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";
import { gatewayNames } from "./gateway-name.ts";
import { looksOf } from "./identity.ts";

/** After a change of name, avatar, status or anonymity: chat shows it at once. Who does not hear of it sees it later. */
export async function profileChanged(ctx: Ctx, userId: number): Promise<void> {
  await tellObject(ctx, { object: "chat gateway", order: "profile", user_id: userId }, async () => {
    const user = await ctx.db.select().from(users).where(eq(users.id, userId)).get();
    if (!user) return;
    const names = gatewayNames(ctx.settings, user.home_region, String(userId));
    await Promise.all(names.map((name) => chatGateway(ctx.env, name).profile(userId, looksOf(user))));
  });
}
