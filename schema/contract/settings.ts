/** Settings kept in the database: what each key holds, and what counts while nobody has set it. */
import * as z from "zod";

export const SETTINGS = {
  allow_user_connections: z.boolean().default(true),
  allow_user_streams: z.boolean().default(true),
  /** The demo stream that the first start made; it is remembered after its deletion, so it is made once. */
  demo_stream: z.object({ stream_id: z.int() }).nullable().default(null),
  /** The search for what no row knows in the recordings' bucket: when it last ended, and where it is. */
  orphan_sweep: z
    .object({
      finished_at: z.int(),
      at: z.object({ list: z.enum(["objects", "uploads"]), cursor: z.string().nullable() }).nullable(),
    })
    .default({ finished_at: 0, at: null }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<K extends SettingKey> = z.infer<(typeof SETTINGS)[K]>;
