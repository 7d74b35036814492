/** Where nothing was recorded between the parts of a VOD, and why. Pure. */
import type { PartEnd } from "#contract/recording";
import type { Gap } from "#contract/vods";

/** Below this it is the distance between two frames, or clocks that disagree. */
const GAP_MIN_MS = 500;

export type RecordedPart = {
  state: "uploading" | "done" | "truncated" | "failed";
  started_at: number;
  duration_ms: number;
  end: PartEnd | null;
};

const CAUSES: Record<PartEnd, Gap["cause"]> = {
  finished: "publisher_away",
  tracks: "publisher_away",
  limit: "publisher_away",
  crashed: "worker_away",
  worker_stopped: "worker_away",
  spool_full: "spool_full",
  disk: "disk",
};

/** `parts`: all of a VOD in order. Those that cannot be played are gaps themselves. */
export function gapsBetween(parts: readonly RecordedPart[]): Gap[] {
  const gaps: Gap[] = [];
  let at = 0;
  let before: RecordedPart | null = null;
  let lost = false;
  for (const part of parts) {
    if (part.state !== "done" && part.state !== "truncated") {
      lost ||= part.duration_ms > 0;
      continue;
    }
    const missing = before ? part.started_at - (before.started_at + before.duration_ms) : 0;
    if (before && missing > GAP_MIN_MS) {
      const uploadLost = lost || before.state === "truncated";
      const cause = uploadLost ? "upload_lost" : CAUSES[before.end ?? "finished"];
      gaps.push({ at: at / 1000, duration: missing / 1000, cause });
    }
    at += part.duration_ms;
    before = part;
    lost = false;
  }
  return gaps;
}
