/** What the runs of a part come to. */
import type { Run } from "#contract/recording";
import { type LoggedFragment, type PartFile, PartTally } from "../../media-worker/recorder/part-files.ts";

/** Of a part that has ended. */
export function runsOf(part: Pick<PartFile, "header_bytes" | "timescale">, fragments: Iterable<LoggedFragment>): Run[] {
  const tally = new PartTally(part);
  for (const fragment of fragments) tally.add(fragment);
  return tally.runs();
}
