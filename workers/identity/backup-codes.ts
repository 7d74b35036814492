/** Backup codes: each stands in for a code of the authenticator app, once. */
import { and, eq } from "drizzle-orm";
import { backup_codes } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { keyedHash } from "../core/keyed-hash.ts";
import type { UserRow } from "./user-rows.ts";

const CODES = 10;
const CODE_BYTES = 4;
export const BACKUP_CODE = /^[0-9A-F]{8}$/;

/** Ten that differ, of 8 upper-case hexadecimal digits. */
export function newBackupCodes(): string[] {
  const codes = new Set<string>();
  while (codes.size < CODES) codes.add(hex(crypto.getRandomValues(new Uint8Array(CODE_BYTES))));
  return [...codes];
}

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();

/** What is kept of a code. */
export const backupCodeHash = (ctx: Ctx, userId: number, code: string): Promise<string> =>
  keyedHash(ctx.settings, `backup code ${userId} ${code}`);

/** Uses the code up. False: it is none of the account's, or somebody was faster. */
export async function takeBackupCode(ctx: Ctx, user: Pick<UserRow, "id" | "username">, code: string): Promise<boolean> {
  const mine = eq(backup_codes.user_id, user.id);
  const one = ctx.db
    .delete(backup_codes)
    .where(and(mine, eq(backup_codes.code, await backupCodeHash(ctx, user.id, code))))
    .returning({ user_id: backup_codes.user_id });
  const target = { type: "user", id: user.id, name: user.username };
  const taken = await commitIf(ctx, one, [{ action: "backup_code_use", target }]);
  return taken.length > 0;
}
