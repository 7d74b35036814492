import { applyD1Migrations, type D1Migration, listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import type { Env } from "../../workers/core/env.ts";

type Bindings = Env & { TEST_MIGRATIONS: D1Migration[] };

// Files share one runtime (isolate: false): each starts from empty storage.
beforeAll(async () => {
  const { DB, LIVE_STREAM, MEDIA_NODE, TEST_MIGRATIONS } = env as unknown as Bindings;
  // The reset passes by objects that are asleep, and the next file has streams of the same ids.
  for (const namespace of [LIVE_STREAM, MEDIA_NODE] as unknown as DurableObjectNamespace[]) {
    for (const id of await listDurableObjectIds(namespace))
      await runInDurableObject(namespace.get(id), () => undefined);
  }
  await reset();
  await applyD1Migrations(DB, TEST_MIGRATIONS);
});
