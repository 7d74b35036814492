/** What the recorder's login takes and says. */
import * as z from "zod";
import { LoginFields } from "./identity.ts";

/** Whoever reads, and whoever also writes. */
export const RecorderRole = z.enum(["viewer", "admin"]);
export type RecorderRole = z.infer<typeof RecorderRole>;

export const RecorderLogin = z.object(LoginFields);
export type RecorderLogin = z.output<typeof RecorderLogin>;

export const RecorderToken = z.object({ token: z.string(), expires_at: z.iso.datetime() });
export type RecorderToken = z.infer<typeof RecorderToken>;
export const RecorderLoginReply = RecorderToken.extend({ role: RecorderRole });
export type RecorderLoginReply = z.infer<typeof RecorderLoginReply>;
