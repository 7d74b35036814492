/** Ten thousand ways in which things go wrong for chat, and what people were shown in the end. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type Outcome, type Plant, runSchedule } from "../harness/chat-schedule.ts";
import type { Schedules } from "../harness/chat-schedule-process.ts";

const SCHEDULES = 10_000;
const PROCESSES = 2;
const PLANTED = 40;

async function runSchedules(from: number, to: number): Promise<Schedules> {
  const script = path.join(import.meta.dirname, "../harness/chat-schedule-process.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(from), String(to)]);
  return JSON.parse(stdout);
}

test("nothing is lost, doubled or reordered, whatever crashes, sleeps, breaks, gets lost or comes twice", async () => {
  const share = SCHEDULES / PROCESSES;
  const parts = await Promise.all(
    Array.from({ length: PROCESSES }, (_, n) => runSchedules(n * share + 1, (n + 1) * share)),
  );
  expect(parts.flatMap(({ faulty }) => faulty)).toEqual([]);
  // It went wrong often enough to prove something.
  const sum = (name: keyof Outcome["counts"]) => parts.reduce((total, { counts }) => total + counts[name], 0);
  expect(sum("changes")).toBeGreaterThan(8 * SCHEDULES);
  for (const name of ["crashes", "drops", "lost", "twice"] as const) expect(sum(name)).toBeGreaterThan(SCHEDULES);
  expect(sum("sleeps")).toBeGreaterThan(SCHEDULES / 20);
}, 180_000);

test("a seed makes the same schedule each time", async () => {
  expect(await runSchedule(4711)).toEqual(await runSchedule(4711));
});

describe("a bug is found", () => {
  const withPlant = async (plant: () => Plant): Promise<Omit<Outcome, "counts">> => {
    const found: Omit<Outcome, "counts"> = { lost: [], doubled: [], reordered: [], stuck: [] };
    for (let seed = 1; seed <= PLANTED; seed++) {
      const outcome = await runSchedule(seed, { plant: plant() });
      for (const kind of ["lost", "doubled", "reordered", "stuck"] as const) found[kind].push(...outcome[kind]);
    }
    return found;
  };

  test("when a room forgets what it has done already", async () => {
    const { doubled } = await withPlant(() => ({ act: (store) => store.exec("UPDATE changes SET nonce = NULL") }));
    expect(doubled).not.toEqual([]);
  });

  test("when a message does not reach one gateway, and its number does", async () => {
    const { lost } = await withPlant(() => {
      let deliveries = 0;
      return {
        deliver: (pass, delivery) => {
          deliveries += 1;
          const updates = delivery.updates.map(({ rev, frame }) =>
            deliveries % 7 === 0 && frame.startsWith('{"type":"message"')
              ? { rev, frame: JSON.stringify({ type: "skipped", channel_id: delivery.room, rev }) }
              : { rev, frame },
          );
          return pass({ ...delivery, updates });
        },
      };
    });
    expect(lost).not.toEqual([]);
  });

  test("when two messages change places for one gateway", async () => {
    const { reordered } = await withPlant(() => ({
      deliver: (pass, delivery) => {
        const [first, second, ...rest] = delivery.updates;
        if (!first || !second) return pass(delivery);
        const swapped = [
          { rev: first.rev, frame: withRev(second.frame, first.rev) },
          { rev: second.rev, frame: withRev(first.frame, second.rev) },
        ];
        return pass({ ...delivery, updates: [...swapped, ...rest] });
      },
    }));
    expect(reordered).not.toEqual([]);
  });

  test("when an update is handed out twice under two numbers", async () => {
    const { doubled } = await withPlant(() => ({
      deliver: (pass, delivery) => {
        const [first, second, ...rest] = delivery.updates;
        if (!first || !second) return pass(delivery);
        const again = { rev: second.rev, frame: withRev(first.frame, second.rev) };
        return pass({ ...delivery, updates: [first, again, ...rest] });
      },
    }));
    expect(doubled).not.toEqual([]);
  });
});

const withRev = (frame: string, rev: number) => JSON.stringify({ ...JSON.parse(frame), rev });
