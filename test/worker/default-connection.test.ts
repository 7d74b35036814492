/** The connection that every account has from the start. */
import { eq } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { connections } from "../../schema/tables/identity.ts";
import { unseal } from "../../workers/core/seal.ts";
import { call, db, newUser, PASSWORD, system } from "./client.ts";

let root: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  root = await newUser("superadmin");
});

const connectionsOf = (id: number) => db.select().from(connections).where(eq(connections.user_id, id));

let addresses = 0;
async function register(username: string, invite_code: string) {
  const headers = { "cf-connecting-ip": `203.0.113.${++addresses}` };
  return call("POST", "/api/register", { headers, body: { username, password: PASSWORD, invite_code } });
}

async function expectBrowser(id: number): Promise<void> {
  const [row, ...more] = await connectionsOf(id);
  expect(more).toEqual([]);
  expect(row).toMatchObject({ name: "Web Browser", type: "http_proxy", host: "duckduckgo.com", port: 443 });
  expect(row?.id).toMatch(/^[A-Za-z0-9_-]{16}$/);
  expect(row?.config).not.toContain("browser");
  const config = await unseal(system().settings, "connection-config", row?.config ?? "");
  expect(JSON.parse(config)).toEqual({ mode: "browser" });
}

test("comes with registration, once by once, and goes with the account", async () => {
  const { body: invite } = await call("POST", "/api/admin/invite-codes", {
    token: root.token,
    body: { type: "single_use" },
  });
  const { status, body } = await register("newcomer", invite.code);
  expect(status).toBe(201);
  await expectBrowser(body.id);
  const before = await db.$count(connections);
  expect((await register("too_late", invite.code)).status).toBe(403);
  expect(await db.$count(connections)).toBe(before);
  expect((await call("DELETE", `/api/users/${body.id}`, { token: root.token })).status).toBe(200);
  expect(await connectionsOf(body.id)).toEqual([]);
});

test("comes with an account that an admin makes", async () => {
  const make = () =>
    call("POST", "/api/users", { token: root.token, body: { username: "made", password: PASSWORD, role: "user" } });
  const { status, body } = await make();
  expect(status).toBe(201);
  await expectBrowser(body.id);
  expect((await make()).status).toBe(409);
  await expectBrowser(body.id);
});
