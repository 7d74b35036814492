/** Which rows of a long list are drawn, and how much room the others take. Pure. */

/** More than is seen is drawn above and below, so that scrolling finds it there. */
const SPARE_PX = 800;
/** Of a row that was never measured, when none was. */
const GUESS_PX = 48;

/** Where the reader is: at the end, or by rows and the distance of their lower edges from the upper one of the list. */
export type Place = "end" | readonly (readonly [key: string, bottom: number])[];

export type Known = {
  keys: readonly string[];
  /** Of each key. */
  indexes: ReadonlyMap<string, number>;
  /** As far as they were measured. */
  heights: ReadonlyMap<string, number>;
};

/** Rows from `from` up to and without `to`, and the room of those before and after. */
export type Drawn = { from: number; to: number; above: number; below: number };

function guess(heights: ReadonlyMap<string, number>): number {
  if (heights.size === 0) return GUESS_PX;
  let sum = 0;
  for (const height of heights.values()) sum += height;
  return sum / heights.size;
}

export const heightOf = ({ heights }: Known, key: string): number => heights.get(key) ?? guess(heights);

/** `viewport`: the height of the list, px. */
export function drawnAround(known: Known, place: Place, viewport: number): Drawn {
  const { keys, indexes, heights } = known;
  const unknown = guess(heights);
  const height = (index: number) => heights.get(keys[index] ?? "") ?? unknown;
  const anchor = place === "end" ? undefined : place.find(([key]) => indexes.has(key));
  const index = anchor ? (indexes.get(anchor[0]) ?? 0) : keys.length - 1;
  const bottom = anchor ? anchor[1] : viewport;
  let from = index + 1;
  for (let room = bottom + SPARE_PX; room > 0 && from > 0; from -= 1) room -= height(from - 1);
  let to = index + 1;
  for (let room = viewport - bottom + SPARE_PX; room > 0 && to < keys.length; to += 1) room -= height(to);
  let above = 0;
  for (let each = 0; each < from; each += 1) above += height(each);
  let below = 0;
  for (let each = to; each < keys.length; each += 1) below += height(each);
  return { from: Math.max(0, from), to, above, below };
}

/** The row that is at `top` px from the beginning, as far as can be said. */
export function indexAt(known: Known, top: number): Place {
  const unknown = guess(known.heights);
  let end = 0;
  for (const key of known.keys) {
    end += known.heights.get(key) ?? unknown;
    if (end > top) return [[key, end - top]];
  }
  return "end";
}
