/** The messages as rows of a list: where a day begins, and who goes on speaking. Pure. */
import type { Line } from "./lines.ts";
import type { Shown } from "./shown.ts";
import { isSameDay } from "./words.ts";

/** After a longer silence it is said again who speaks. */
const PAUSE_MS = 5 * 60_000;

export type Row = {
  shown: Shown;
  at: Date;
  /** The first of its day. */
  isNewDay: boolean;
  /** The first of what its author says in one go. */
  isFirst: boolean;
};

const dates = new WeakMap<Line, Date>();
function dateOf(line: Line): Date {
  const known = dates.get(line);
  if (known) return known;
  const date = new Date(line.created_at);
  dates.set(line, date);
  return date;
}

/** Of the anonymous nobody knows who is who. */
const goesOn = (line: Line, before: Line) => line.user_id !== null && line.user_id === before.user_id;

export function rowsOf(shown: readonly Shown[]): Row[] {
  return shown.map((each, index) => {
    const before = shown[index - 1]?.line;
    const at = dateOf(each.line);
    const isNewDay = !before || !isSameDay(at, dateOf(before));
    const isFirst =
      isNewDay ||
      !goesOn(each.line, before) ||
      each.line.reply_to !== undefined ||
      at.getTime() - dateOf(before).getTime() > PAUSE_MS;
    return { shown: each, at, isNewDay, isFirst };
  });
}
