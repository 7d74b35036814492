/**
 * Reads small XML documents of machines, as S3 answers them: elements and text. Strict and bounded; no document types,
 * and of entities the five that XML itself knows and numeric ones.
 */

export type XmlElement = { name: string; text: string; children: XmlElement[] };

const DEPTH_MAX = 16;
const ELEMENTS_MAX = 50_000;

export class XmlError extends Error {
  override name = "XmlError";
}

/** A prolog or comment, a closing tag, an opening or empty tag, or text. Names keep no prefix. */
const TOKEN =
  /<\?[^>]*\?>|<!--[\s\S]*?-->|<\/(?:[\w.-]+:)?([\w.-]+)\s*>|<(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;

/** The root element. Throws `XmlError`. */
export function parseXml(source: string): XmlElement {
  const document: XmlElement = { name: "", text: "", children: [] };
  const open: XmlElement[] = [document];
  let elements = 0;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < source.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(source);
    if (!token) throw new XmlError(`not XML at character ${at}`);
    const [, closes, opens, , empty, text] = token;
    const parent = open.at(-1) ?? document;
    if (text !== undefined) {
      if (parent !== document) parent.text += unescapeXml(text);
      else if (text.replace("\ufeff", "").trim() !== "") throw new XmlError("text outside of the root element");
    } else if (closes !== undefined) {
      if (parent === document || parent.name !== closes) throw new XmlError(`</${closes}> closes nothing`);
      open.pop();
    } else if (opens !== undefined) {
      elements += 1;
      if (elements > ELEMENTS_MAX || open.length > DEPTH_MAX) throw new XmlError("too large");
      const element: XmlElement = { name: opens, text: "", children: [] };
      parent.children.push(element);
      if (!empty) open.push(element);
    }
  }
  const [root, ...more] = document.children;
  if (!root || more.length > 0 || open.length > 1) throw new XmlError("not one whole element");
  return root;
}

export const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child) => child.name === name);

/** The text of a child, or null without one. Throws `XmlError` when there are several. */
export function textOf(element: XmlElement, name: string): string | null {
  const [child, ...more] = childrenOf(element, name);
  if (more.length > 0) throw new XmlError(`several <${name}>`);
  return child?.text ?? null;
}

const ENTITIES = new Map(Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }));

function unescapeXml(text: string): string {
  return text.replace(/&([^;]{0,10});?/g, (whole, name: string) => {
    const numeric = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name);
    const code = numeric ? Number.parseInt(numeric[1] ?? numeric[2] ?? "", numeric[1] ? 16 : 10) : Number.NaN;
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : ENTITIES.get(name);
    if (character === undefined || !whole.endsWith(";")) throw new XmlError("an unknown entity");
    return character;
  });
}

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character] ?? "");
