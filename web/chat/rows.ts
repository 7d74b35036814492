/** The messages as rows of a list: where a day begins, and who goes on speaking. Pure. */
import type { Line } from "./lines.ts";
import type { Shown } from "./shown.ts";
import { midnightOf } from "./words.ts";

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

type Moment = { at: Date; day: number };

const moments = new WeakMap<Line, Moment>();
function momentOf(line: Line): Moment {
  const known = moments.get(line);
  if (known) return known;
  const at = new Date(line.created_at);
  const moment = { at, day: midnightOf(at) };
  moments.set(line, moment);
  return moment;
}

/** Of the anonymous nobody knows who is who. */
const goesOn = (line: Line, before: Line) => line.user_id !== null && line.user_id === before.user_id;

function rowOf(shown: Shown, before: Line | undefined): Row {
  const { at, day } = momentOf(shown.line);
  const last = before && momentOf(before);
  const isNewDay = last?.day !== day;
  const isFirst =
    isNewDay ||
    !before ||
    !goesOn(shown.line, before) ||
    shown.line.reply_to !== undefined ||
    at.getTime() - last.at.getTime() > PAUSE_MS;
  return { shown, at, isNewDay, isFirst };
}

const drawn = new WeakMap<Shown, { before: Line | undefined; row: Row }>();

/** The same rows for what has not changed. */
export function rowsOf(shown: readonly Shown[]): Row[] {
  return shown.map((each, index) => {
    const before = shown[index - 1]?.line;
    const known = drawn.get(each);
    if (known && known.before === before) return known.row;
    const row = rowOf(each, before);
    drawn.set(each, { before, row });
    return row;
  });
}
