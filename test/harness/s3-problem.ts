/** An error as S3 answers it. */
export class S3Problem extends Error {
  override name = "S3Problem";

  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  get xml(): string {
    return document(`<Error><Code>${this.code}</Code><Message>${escapeXml(this.message)}</Message></Error>`);
  }
}

export const document = (root: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
export const escapeXml = (text: string) => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
export const unescapeXml = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|apos|#\d+);/g, (entity, name: string) =>
    name.startsWith("#")
      ? String.fromCodePoint(Number(name.slice(1)))
      : (Object.keys(ENTITIES).find((char) => ENTITIES[char] === entity) ?? entity),
  );

/** The texts of all `<name>` in a document of ours or of a client: no attributes, no comments, not nested in itself. */
export const elements = (xml: string, name: string): string[] =>
  Array.from(xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, "g")), ([, text = ""]) => text);
