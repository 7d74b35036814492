import { applyD1Migrations, type D1Migration, listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import type { Env } from "../../workers/core/env.ts";

type Bindings = Env & { TEST_MIGRATIONS: D1Migration[] };

/** Of rooms that tests make. */
const ROOM_MAX = 10_000;

/** By their names: an id from a list has none, and a room is nothing without its number. */
async function wakeRooms(namespace: DurableObjectNamespace): Promise<void> {
  const asleep = new Set((await listDurableObjectIds(namespace)).map(String));
  for (let room = 1; room <= ROOM_MAX && asleep.size > 0; room++) {
    const id = namespace.idFromName(String(room));
    if (asleep.delete(String(id))) await runInDurableObject(namespace.get(id), () => undefined);
  }
}

// Files share one runtime (isolate: false): each starts from empty storage.
beforeAll(async () => {
  const { DB, LIVE_STREAM, MEDIA_NODE, CHAT_ROOM, CHAT_GATEWAY, TEST_MIGRATIONS } = env as unknown as Bindings;
  // The reset passes by objects that are asleep, and the next file has streams of the same ids.
  for (const namespace of [LIVE_STREAM, MEDIA_NODE, CHAT_GATEWAY] as unknown as DurableObjectNamespace[]) {
    for (const id of await listDurableObjectIds(namespace))
      await runInDurableObject(namespace.get(id), () => undefined);
  }
  await wakeRooms(CHAT_ROOM as unknown as DurableObjectNamespace);
  // So is a database that nobody asked anything for ten seconds.
  await DB.prepare("SELECT 1").run();
  await reset();
  await applyD1Migrations(DB, TEST_MIGRATIONS);
  // What the isolate remembers of an account by its number must not be another's in the next file.
  await DB.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', ?)")
    .bind(Date.now() % 1e9)
    .run();
});
