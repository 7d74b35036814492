import { asc, eq, sql } from "drizzle-orm";
import { users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { hashPassword } from "./password.ts";

/** 20 characters without look-alikes: about 115 bits. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const GENERATED_LENGTH = 20;

export type FirstAdmin = {
  created: boolean;
  user: { id: number; username: string };
  /** Only when it was made up here, and only this once. */
  generated_password?: string;
};

/** Makes a superadmin when there is no account at all; otherwise says who the first one is. */
export async function createFirstAdmin(ctx: Ctx, input: { username: string; password?: string }): Promise<FirstAdmin> {
  const before = await firstAdmin(ctx);
  if (before) return { created: false, user: before };
  const password = input.password ?? generatePassword();
  const password_hash = await hashPassword(password);
  // One statement decides, so two starts at once make one admin.
  const insert = ctx.db
    .insert(users)
    .select(
      sql`SELECT NULL, ${input.username}, ${password_hash}, 'superadmin', NULL, 'online', '', 0, '{}', NULL, NULL, ${ctx.now()}, NULL
          WHERE NOT EXISTS (SELECT 1 FROM ${users})`,
    )
    .returning({ id: users.id, username: users.username });
  const [user] = await commitIf(ctx, insert, [
    {
      action: "user_create",
      target: { type: "user", id: null, name: input.username },
      details: { role: "superadmin" },
    },
  ]);
  if (user) return { created: true, user, ...(input.password === undefined && { generated_password: password }) };
  const winner = await firstAdmin(ctx);
  if (!winner) throw new Error("the first admin was neither made nor found");
  return { created: false, user: winner };
}

function firstAdmin(ctx: Ctx) {
  return ctx.db
    .select({ id: users.id, username: users.username })
    .from(users)
    .where(eq(users.role, "superadmin"))
    .orderBy(asc(users.id))
    .get();
}

/** Bytes beyond the last whole multiple of the alphabet are thrown away: each character is equally likely. */
function generatePassword(): string {
  const limit = 256 - (256 % ALPHABET.length);
  let password = "";
  while (password.length < GENERATED_LENGTH) {
    const [byte = 255] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) password += ALPHABET[byte % ALPHABET.length];
  }
  return password;
}
