/** JSON from outside, read strictly: what two parsers could understand differently is refused. */
import { ApiError } from "./errors.ts";

const JSON_DEPTH_MAX = 32;

/** Strings, structure and numbers of a text that is known to be valid JSON. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|-?\d[\d.eE+-]*/g;

/**
 * Throws `invalid_json` for bad syntax, nesting beyond 32, a key twice in one object, `__proto__` as a key, lone
 * surrogates, NUL characters and numbers beyond the range of a double.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ApiError("invalid_json", undefined, { cause });
  }
  inspect(text);
  return value;
}

function inspect(text: string): void {
  /** The keys of each open object; null for an open array. */
  const open: (Set<string> | null)[] = [];
  /** The string just before, which a colon makes a key. */
  let previous: string | null = null;
  for (const [token] of text.matchAll(TOKENS)) {
    const first = token[0];
    if (first === "{" || first === "[") {
      open.push(first === "{" ? new Set() : null);
      if (open.length > JSON_DEPTH_MAX) throw refused(`is nested deeper than ${JSON_DEPTH_MAX} levels`);
    } else if (first === "}" || first === "]") {
      open.pop();
    } else if (first === ":") {
      const keys = open.at(-1);
      if (previous === "__proto__") throw refused("has a key that is not allowed");
      if (previous !== null && keys?.has(previous)) throw refused("has the same key twice in one object");
      if (previous !== null) keys?.add(previous);
    } else if (first === '"') {
      previous = checkedString(token);
    } else if (first !== "," && !Number.isFinite(Number(token))) {
      throw refused("has a number that is out of range");
    }
  }
}

function checkedString(token: string): string {
  const text: unknown = token.includes("\\") ? JSON.parse(token) : token.slice(1, -1);
  if (typeof text !== "string") throw refused("has a malformed string");
  if (!text.isWellFormed()) throw refused("has a lone surrogate");
  if (text.includes("\0")) throw refused("has a NUL character");
  return text;
}

const refused = (what: string) => new ApiError("invalid_json", `The body ${what}`);
