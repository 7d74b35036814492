const STEM_MAX = 120;
/** Path separators and what file systems or the header's syntax would stumble over, controls and direction marks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069"*/:<>?\\|]/g;

/**
 * A `Content-Disposition` that has browsers save what comes under this name (RFC 6266; RFC 8187 beyond ASCII). The name
 * may be anything people wrote, with an extension behind it; a long one is cut before that.
 */
export function attachment(name: string): string {
  const safe = name
    .toWellFormed()
    .replace(UNSAFE, " ")
    .replace(/\s+/g, " ")
    .trim()
    .replace(/^[. ]+/, "");
  const extension = /\.[A-Za-z0-9]{1,8}$/.exec(safe)?.[0] ?? "";
  const stem = [...safe.slice(0, safe.length - extension.length)].slice(0, STEM_MAX).join("").trim();
  const filename = `${stem || "file"}${extension}`;
  const ascii = filename.replace(/[^ -~]|%/g, "_");
  if (ascii === filename) return `attachment; filename="${ascii}"`;
  const encoded = encodeURIComponent(filename).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
