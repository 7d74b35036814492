import { eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { audit_log, settings } from "../../schema/tables/admin.ts";
import { outbox } from "../../schema/tables/events.ts";
import { type AuditEntry, commit, commitIf, type OutboxEntry } from "../../workers/core/commit.ts";
import { db, system } from "./client.ts";

const audit = (name: string): AuditEntry => ({ action: "login", target: { type: "test", id: 7, name } });
const event = (id: string): OutboxEntry => ({
  id,
  event: { type: "user.login", user_id: 1, username: "ada", ip: null },
});
const setting = (key: string, value: unknown) => db.insert(settings).values({ key, value });
const audited = (name: string) => db.select().from(audit_log).where(eq(audit_log.target_name, name));
const sent = (id: string) => db.select().from(outbox).where(eq(outbox.id, id));

describe("commit", () => {
  test("writes the change, its audit row and its event", async () => {
    const ctx = { ...system(), ip: "192.0.2.7" };
    await commit(ctx, [setting("a", 1)], [audit("a")], [event("a")]);
    expect(await audited("a")).toMatchObject([
      {
        action: "login",
        actor_kind: "system",
        actor_name: "test",
        target_id: "7",
        ip: "192.0.2.7",
        request_id: ctx.requestId,
      },
    ]);
    expect(await sent("a")).toMatchObject([
      { type: "user.login", payload: { user_id: 1, username: "ada" }, sent_at: null },
    ]);
  });

  test("a statement that fails leaves nothing, wherever it stands", async () => {
    await expect(commit(system(), [setting("b", 1), setting("b", 2)], [audit("b")], [event("b")])).rejects.toThrow();
    await expect(
      commit(system(), [setting("b", 1), db.run(sql`SELECT * FROM nowhere WHERE x = ${1}`)], [audit("b")]),
    ).rejects.toThrow();
    expect(await db.select().from(settings).where(eq(settings.key, "b"))).toEqual([]);
    expect(await audited("b")).toEqual([]);
    expect(await sent("b")).toEqual([]);
  });

  test("returns what its statements return, raw ones with parameters included", async () => {
    const [raw, rows] = await commit(
      system(),
      [
        db.run(sql`INSERT INTO settings (key, value) VALUES (${"c"}, ${"3"})`),
        db.select({ value: settings.value }).from(settings).where(eq(settings.key, "c")),
      ],
      [],
    );
    expect(raw.meta.changes).toBe(1);
    expect(rows).toEqual([{ value: 3 }]);
  });

  test("an event that is there already is not written twice", async () => {
    await commit(system(), [setting("d1", 1)], [], [event("d")]);
    await commit(system(), [setting("d2", 1)], [], [event("d")]);
    expect(await sent("d")).toHaveLength(1);
  });
});

describe("commitIf", () => {
  test("twenty at once: one winner, one audit row, one event, one dependant", async () => {
    await setting("state", "queued");
    const claim = (n: number) => {
      const guard = db
        .update(settings)
        .set({ value: "claimed" })
        .where(sql`key = 'state' AND value = '"queued"'`)
        .returning({ key: settings.key });
      const dependant = db.run(sql`INSERT INTO settings (key, value) SELECT ${`won ${n}`}, '1' WHERE changes() = 1`);
      return commitIf(system(), guard, [audit("claim")], [event("claim")], [dependant]);
    };
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => claim(n)));
    expect(results.filter((rows) => rows.length === 1)).toHaveLength(1);
    expect(await audited("claim")).toHaveLength(1);
    expect(await sent("claim")).toHaveLength(1);
    expect(await db.select().from(settings).where(sql`key LIKE 'won %'`)).toHaveLength(1);
  });

  test("an event that is there already does not keep a winner's dependants from happening", async () => {
    await commit(system(), [setting("e", 1)], [], [event("e")]);
    const guard = db.delete(settings).where(eq(settings.key, "e")).returning({ key: settings.key });
    const dependant = db.run(sql`INSERT INTO settings (key, value) SELECT ${"after e"}, '1' WHERE changes() = 1`);
    expect(await commitIf(system(), guard, [audit("e")], [event("e")], [dependant])).toHaveLength(1);
    expect(await db.select().from(settings).where(eq(settings.key, "after e"))).toHaveLength(1);
  });

  test("a dependant that fails undoes the guard", async () => {
    await setting("f", 1);
    const guard = db.delete(settings).where(eq(settings.key, "f"));
    await expect(commitIf(system(), guard, [audit("f")], [], [setting("state", 2)])).rejects.toThrow();
    expect(await db.select().from(settings).where(eq(settings.key, "f"))).toHaveLength(1);
    expect(await audited("f")).toEqual([]);
  });
});
