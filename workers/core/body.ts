/** Request bodies: bounded while they are read, whatever their headers claim. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { parseJson } from "./json.ts";

const BODY_MAX_BYTES = 256 * 1024;
/**
 * What is too large is read on to here and thrown away: who is still sending when the connection is closed often does not
 * see why.
 */
const READ_MAX_BYTES = 4 * 1024 * 1024;

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * Reads and checks the body before the validators see it. Throws `unsupported_media_type`, `body_too_large`,
 * `invalid_json` or `invalid_request`.
 */
export const boundedBody = (accepts: { form: boolean; max_bytes?: number }) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const type = contentType(c);
    const accepted = type === JSON_TYPE || (accepts.form && type === FORM_TYPE);
    const text = await readText(c.req.raw, accepts.max_bytes ?? BODY_MAX_BYTES);
    if (!accepted && (type !== "" || text !== "")) {
      const wanted = accepts.form ? `${JSON_TYPE} or ${FORM_TYPE}` : JSON_TYPE;
      throw new ApiError("unsupported_media_type", `The body must be ${wanted}, in UTF-8`);
    }
    if (type === FORM_TYPE) {
      if (decodedForm(text).includes("\0")) throw new ApiError("invalid_request", "The body has a NUL character");
    } else {
      if (text === "") throw new ApiError("invalid_json", "The request needs a JSON body");
      const value = parseJson(text);
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        throw new ApiError("invalid_request", "The body must be a JSON object");
      }
    }
    // The validators of the route read from here, and know the type only as it is usually spelt.
    c.req.bodyCache.text = cached(text);
    if (type !== c.req.header("content-type")) {
      const headers = new Headers(c.req.raw.headers);
      headers.set("content-type", type);
      c.req.raw = new Request(c.req.raw, { headers, body: text });
    }
    await next();
  });

/** Hono keeps promises in its cache and types them as what they resolve to. */
const cached = (text: string) => Promise.resolve(text) as unknown as string;

/** The media type, or the header as it is when its parameters say that the body is something we do not read. */
function contentType(c: Context): string {
  const header = c.req.header("content-type") ?? "";
  const [type = "", ...parameters] = header.split(";").map((part) => part.trim().toLowerCase());
  const foreign = parameters.some((parameter) => /^charset=(?!"?utf-?8"?$)/.test(parameter));
  return foreign ? header : type;
}

function decodedForm(text: string): string {
  return [...new URLSearchParams(text)].flat().join("");
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  const most = Math.max(READ_MAX_BYTES, maxBytes);
  if (announced > most) throw tooLarge(maxBytes);
  if (!request.body) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (length > most) break;
    if (length <= maxBytes) chunks.push(chunk);
  }
  if (length > maxBytes) throw tooLarge(maxBytes);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new ApiError("invalid_json", "The body is not valid UTF-8", { cause });
  }
}

const tooLarge = (maxBytes: number) => new ApiError("body_too_large", `The body is larger than ${maxBytes / 1024} KiB`);
