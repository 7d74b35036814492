/** Where objects can be asked to live: Cloudflare's location hints. */
import * as z from "zod";

export const Region = z.enum(["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"]);
export type Region = z.infer<typeof Region>;
