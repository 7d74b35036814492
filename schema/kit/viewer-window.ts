/**
 * Who watches, as one isolate or process sees it: a viewer is a distinct viewer id in media-playlist requests of the
 * last ten seconds. Says when a count is due to be reported, at most once per ten seconds and stream.
 */

const WINDOW_MS = 10_000;
const REPORT_EVERY_MS = 10_000;
/** What one process can hold; beyond it the oldest are not counted. */
const STREAMS_MAX = 500;
const VIEWERS_MAX = 20_000;

type Audience = { seen: Map<string, number>; reported_at: number };

export class ViewerWindow {
  readonly #audiences = new Map<number, Audience>();

  /** Returns the stream's count when it is due to be reported, else null. */
  see(streamId: number, viewer: string, now: number): number | null {
    const audience = this.#audiences.get(streamId) ?? { seen: new Map<string, number>(), reported_at: -Infinity };
    // Deleted first, so that both maps are ordered by time.
    this.#audiences.delete(streamId);
    this.#audiences.set(streamId, audience);
    audience.seen.delete(viewer);
    audience.seen.set(viewer, now);
    if (audience.seen.size > VIEWERS_MAX) forgetOldest(audience.seen);
    if (this.#audiences.size > STREAMS_MAX) forgetOldest(this.#audiences);
    if (now - audience.reported_at < REPORT_EVERY_MS) return null;
    audience.reported_at = now;
    return this.count(streamId, now);
  }

  count(streamId: number, now: number): number {
    const seen = this.#audiences.get(streamId)?.seen;
    if (!seen) return 0;
    for (const [viewer, at] of seen) {
      if (now - at < WINDOW_MS) break;
      seen.delete(viewer);
    }
    return seen.size;
  }
}

function forgetOldest<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
