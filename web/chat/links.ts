/** Addresses in what people write. Pure. */
import { LinkifyIt } from "linkify-it";

const finder = new LinkifyIt({ fuzzyLink: false, fuzzyEmail: false })
  .add("mailto:", null)
  .add("ftp:", null)
  .add("//", null);

/** Addresses of the web only. */
function addressOf(text: string): string | null {
  const url = URL.parse(text);
  return url && (url.protocol === "https:" || url.protocol === "http:") ? url.href : null;
}

type Part = { at: number; text: string; href: string | null };

/** Text and the links in it, in order; together they are all of the text. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const { index, lastIndex, url } of finder.match(text) ?? []) {
    const href = addressOf(url);
    if (href === null) continue;
    if (index > end) parts.push({ at: end, text: text.slice(end, index), href: null });
    parts.push({ at: index, text: text.slice(index, lastIndex), href });
    end = lastIndex;
  }
  if (end < text.length) parts.push({ at: end, text: text.slice(end), href: null });
  return parts;
}
