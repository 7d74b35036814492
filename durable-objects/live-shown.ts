/**
 * What people are shown of a stream's live state: at once by its object, and as the projection that its row in the
 * database follows.
 */
import type { PlaybackRoute } from "#contract/live";
import type { LiveRecord, Projection } from "./live-record.ts";

/** D1 is told of a new viewer count at most this often. */
const VIEWER_PROJECTION_MS = 10_000;

/** A session that people know of is running. */
export function isOnAir({ state, announced }: LiveRecord): boolean {
  return state === "live" || state === "grace" || (state === "starting" && announced > 0);
}

const shownViewers = (record: LiveRecord): number => (isOnAir(record) ? record.viewers : 0);

export function playbackOf(record: LiveRecord): PlaybackRoute {
  const { state, worker, epoch, generation, warnings, started_at } = record;
  return {
    state,
    worker,
    epoch,
    generation,
    started_at: isOnAir(record) ? started_at : null,
    viewer_count: shownViewers(record),
    warnings,
  };
}

/** When the projection is to follow the viewer count; null: it does already. */
export function viewersDueAt(record: LiveRecord): number | null {
  const isShown = record.projection.viewer_count === shownViewers(record);
  return isShown ? null : record.viewers_projected_at + VIEWER_PROJECTION_MS;
}

/** Brings the record's projection up to date, under a new version when it changed. */
export function settle(record: LiveRecord, now: number): void {
  const { projection: before, total_views, started_at, ended_at, last_target_duration } = record;
  const isLive = record.state === "encoding" ? 2 : isOnAir(record) ? 1 : 0;
  const viewers = shownViewers(record);
  const viewersDue = isLive !== 1 || now - record.viewers_projected_at >= VIEWER_PROJECTION_MS;
  if (viewersDue && viewers !== before.viewer_count) record.viewers_projected_at = now;
  const after: Projection = {
    is_live: isLive,
    viewer_count: viewersDue ? viewers : before.viewer_count,
    total_views,
    started_at,
    ended_at,
    last_target_duration,
  };
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  record.projection = after;
  record.version += 1;
}
