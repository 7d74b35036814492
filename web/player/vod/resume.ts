/** Where the viewer left off, for the recordings watched last. Kept where the browser allows storage. */
import { z } from "zod";

const KEY = "sluice.positions";
const MOST = 100;
/** So near its start or end, a recording begins anew. */
const START_S = 10;
const END_S = 10;

/** Public id and seconds, the newest first. */
const Positions = z.array(z.tuple([z.string().max(64), z.number().nonnegative()]));
type Positions = z.infer<typeof Positions>;

/** Seconds into the recording, or null: from its start. */
export function positionOf(id: string, duration: number): number | null {
  const seconds = read().find(([known]) => known === id)?.[1];
  return seconds !== undefined && worthKeeping(seconds, duration) ? seconds : null;
}

export function keepPosition(id: string, seconds: number, duration: number): void {
  const others = read().filter(([known]) => known !== id);
  const kept: Positions = worthKeeping(seconds, duration) ? [[id, Math.floor(seconds)], ...others] : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(kept.slice(0, MOST)));
  } catch {
    // Storage refused or full: next time it begins at the start.
  }
}

const worthKeeping = (seconds: number, duration: number) => seconds >= START_S && seconds <= duration - END_S;

function read(): Positions {
  try {
    return Positions.parse(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    return []; // refused, or not written by us
  }
}
