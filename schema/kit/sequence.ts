import type { StreamProgress } from "#contract/media";

/** No packager of ours cuts segments faster than this on average. */
const SEGMENTS_PER_SECOND = 2;
const SLACK = 2;

export type SequenceNumbers = { first_msn: number; discontinuity_sequence: number };

/**
 * Where a new epoch goes on, so that no number that a viewer may have seen comes again. `elapsed_ms`: time in which
 * the epoch before may have gone on unseen after `progress`; null when `progress` is its exact end.
 */
export function continueAfter(
  progress: Pick<StreamProgress, "next_msn" | "discontinuity_sequence">,
  elapsed_ms: number | null,
): SequenceNumbers {
  const unseen = elapsed_ms === null ? 0 : SLACK + Math.ceil((Math.max(0, elapsed_ms) / 1000) * SEGMENTS_PER_SECOND);
  return {
    first_msn: progress.next_msn + unseen,
    discontinuity_sequence: progress.discontinuity_sequence + unseen + 1,
  };
}
