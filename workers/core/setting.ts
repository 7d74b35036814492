import { inArray } from "drizzle-orm";
import { SETTINGS, type SettingKey, type SettingValue } from "#contract/settings";
import { settings } from "#tables/admin";
import type { Ctx } from "./context.ts";

export async function readSetting<K extends SettingKey>(ctx: Ctx, key: K): Promise<SettingValue<K>> {
  return (await readSettings(ctx, [key]))[key];
}

/** Several in one query. */
export async function readSettings<K extends SettingKey>(ctx: Ctx, keys: K[]): Promise<{ [P in K]: SettingValue<P> }> {
  return settingsFrom(await selectSettings(ctx, keys), keys);
}

/** To be read in a batch with other things. */
export const selectSettings = (ctx: Ctx, keys: SettingKey[]) =>
  ctx.db.select().from(settings).where(inArray(settings.key, keys));

/** Of what `selectSettings` found. */
export function settingsFrom<K extends SettingKey>(
  rows: readonly (typeof settings.$inferSelect)[],
  keys: readonly K[],
): { [P in K]: SettingValue<P> } {
  const values = keys.map((key) => [key, SETTINGS[key].parse(rows.find((row) => row.key === key)?.value)]);
  return Object.fromEntries(values) as { [P in K]: SettingValue<P> };
}

/** For a value that only one party writes. */
export async function writeSetting<K extends SettingKey>(ctx: Ctx, key: K, value: SettingValue<K>): Promise<void> {
  await ctx.db.insert(settings).values({ key, value }).onConflictDoUpdate({ target: settings.key, set: { value } });
}
