import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { audit_log } from "../../schema/tables/admin.ts";
import { outbox } from "../../schema/tables/events.ts";
import { enrolment_tokens } from "../../schema/tables/media.ts";
import { sweeps } from "../../workers/application.ts";
import { runSweeps } from "../../workers/core/sweeps.ts";
import { bindings, db, logged, system } from "./client.ts";

const worker = exports as unknown as { default: { scheduled(event: { cron: string }): Promise<unknown> } };
const DAY_MS = 24 * 3_600_000;

test("a sweep that fails keeps no other from running", async () => {
  const errors = logged("error");
  const ran: string[] = [];
  const execution = createExecutionContext();
  await runSweeps(bindings, execution, {
    first: async ({ actor }) => ran.push(actor.kind),
    broken: async () => {
      throw new Error("broken");
    },
    last: async () => ran.push("last"),
  });
  await waitOnExecutionContext(execution);
  expect(ran).toEqual(["system", "last"]);
  expect(errors).toHaveLength(1);
});

test("the cron runs them all", async () => {
  const now = Date.now();
  const audit = { action: "login", actor_kind: "system", target_type: "test", details: {}, request_id: "r" };
  await db.insert(audit_log).values([
    { ...audit, created_at: now - 91 * DAY_MS },
    { ...audit, created_at: now - 89 * DAY_MS },
  ]);
  const event = { type: "user.login", payload: {}, created_at: now - 30 * DAY_MS };
  await db.insert(outbox).values([
    { ...event, id: "sent", sent_at: now - 8 * DAY_MS },
    { ...event, id: "unsent" },
  ]);
  await db.insert(enrolment_tokens).values([
    { hash: "old", created_at: 0, expires_at: now - 2 * DAY_MS },
    { hash: "new", created_at: 0, expires_at: now },
  ]);
  await worker.default.scheduled({ cron: "* * * * *" });
  expect(await db.select().from(audit_log)).toHaveLength(1);
  expect((await db.select().from(outbox)).map((row) => row.id)).toEqual(["unsent"]);
  expect((await db.select().from(enrolment_tokens)).map((row) => row.hash)).toEqual(["new"]);
});

test("with nothing to do, none does anything", async () => {
  for (const sweep of Object.values(sweeps)) expect(await sweep(system())).toBe(0);
});
