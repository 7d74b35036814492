import type { PlayablePart } from "./playable-parts.ts";

/** What browsers save a part as: the VOD's title and day (UTC), and which part it is when there are several. */
export function downloadName(
  { title, started_at }: { title: string; started_at: number },
  parts: readonly PlayablePart[],
  part: PlayablePart,
): string {
  const day = new Date(started_at).toISOString().slice(0, 10);
  const which = parts.length > 1 ? ` part ${parts.indexOf(part) + 1}` : "";
  return `${title} ${day}${which}.mp4`;
}
