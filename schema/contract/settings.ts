/** Settings kept in the database: what each key holds, and what counts while nobody has set it. */
import * as z from "zod";

export const SETTINGS = {
  allow_user_connections: z.boolean().default(true),
  allow_user_streams: z.boolean().default(true),
  /** The demo stream that the first start made; it is remembered after its deletion, so it is made once. */
  demo_stream: z.object({ stream_id: z.int() }).nullable().default(null),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<K extends SettingKey> = z.infer<(typeof SETTINGS)[K]>;
