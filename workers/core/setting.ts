import { eq } from "drizzle-orm";
import { SETTINGS, type SettingKey, type SettingValue } from "#contract/settings";
import { settings } from "#tables/admin";
import type { Ctx } from "./context.ts";

export async function readSetting<K extends SettingKey>(ctx: Ctx, key: K): Promise<SettingValue<K>> {
  const row = await ctx.db.select({ value: settings.value }).from(settings).where(eq(settings.key, key)).get();
  return SETTINGS[key].parse(row?.value) as SettingValue<K>;
}
