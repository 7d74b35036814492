/** A QR code as one path of an SVG. Pure. */
import { encode } from "uqr";

/** Modules of quiet around it that readers need. */
const QUIET = 4;

/** `size` in modules, quiet zone included; `path` is what is dark. Throws when the text is too long for any code. */
export function qrOf(text: string): { size: number; path: string } {
  const { size, data } = encode(text, { ecc: "M", border: QUIET });
  return { size, path: data.flatMap((row, y) => darkRuns(row).map(([x, length]) => bar(x, y, length))).join("") };
}

const bar = (x: number, y: number, length: number): string => `M${x} ${y}h${length}v1h-${length}z`;

/** One bar for modules side by side: fewer of them, and no seams. */
function darkRuns(row: readonly boolean[]): [start: number, length: number][] {
  const runs: [number, number][] = [];
  for (const [x, isDark] of row.entries()) {
    const last = runs.at(-1);
    if (!isDark) continue;
    if (last && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  }
  return runs;
}
