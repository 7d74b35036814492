/** What the pure classes of chat are given when they run in a Durable Object. */
import { logFailure } from "../../workers/core/log.ts";
import type { Alarm } from "../alarm.ts";
import type { SqlValue, Store } from "./store.ts";

export const objectStore = (storage: DurableObjectStorage): Store => ({
  exec: <Row>(query: string, ...values: SqlValue[]) => storage.sql.exec(query, ...values).toArray() as Row[],
  transaction: (action) => storage.transactionSync(action),
});

/** Clock, timers, alarm and log. `about` goes with each line of the log. */
export const objectWorld = (alarm: Alarm, about: Record<string, unknown>) => ({
  now: Date.now,
  setTimer: (action: () => void, ms: number) => void setTimeout(action, ms),
  wakeAt: (due: number | null) => {
    alarm.set(due).catch((error: unknown) => logFailure("a chat object's alarm was not set", error, about));
  },
  failed: (what: string, error: unknown, more: Record<string, unknown> = {}) =>
    logFailure(what, error, { ...about, ...more }),
});
