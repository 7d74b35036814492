/** Runs the schedules of the seeds from the first to the second argument, in a process of its own: prints one JSON. */
import { type Outcome, runSchedule } from "./chat-schedule.ts";

export type Schedules = {
  /** Of the first seeds with a fault. */
  faulty: [seed: number, faults: Omit<Outcome, "counts">][];
  counts: Outcome["counts"];
};

const [from = 1, to = 1] = process.argv.slice(2).map(Number);
const all: Schedules = { faulty: [], counts: { crashes: 0, sleeps: 0, drops: 0, lost: 0, twice: 0, changes: 0 } };
for (let seed = from; seed <= to; seed++) {
  const { counts, ...faults } = await runSchedule(seed);
  if (all.faulty.length < 3 && Object.values(faults).some((list) => list.length > 0)) all.faulty.push([seed, faults]);
  for (const [name, count] of Object.entries(counts)) all.counts[name as keyof Outcome["counts"]] += count;
}
process.stdout.write(JSON.stringify(all));
