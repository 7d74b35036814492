/**
 * Conditional requests (RFC 9110 section 13) on single resources.
 *
 * The tag of a resource is `"<representation>"`, or `"<settings>.<representation>"` where it has settings that people
 * change by `PUT` or `PATCH`. `If-None-Match` compares all of it: a copy is good only while nothing in it has changed, the viewers of
 * a live stream included. `If-Match` compares the settings: an edit fails when somebody else edited meanwhile, and not
 * because the stream went live. So one tag, as it was read, serves both.
 */
import { and, getTableColumns, type SQL, sql, type Table } from "drizzle-orm";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { toBase64url } from "#kit/base64url";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";

/** What an edit changes, always with the same keys in the same order. */
type Settings = Readonly<Record<string, string | number | boolean | null>>;

/** 132 bits. */
const DIGEST_CHARS = 22;

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toBase64url(new Uint8Array(bytes)).slice(0, DIGEST_CHARS);
}

/** The beginning of a tag, which the handler of a `GET` says as `ETag`; `tagged` completes it. */
export const settingsTag = (settings: Settings): Promise<string> => digest(JSON.stringify(settings));

/**
 * Around the handler of a `GET`: gives its reply a strong tag, and answers 304 when that is known.
 *
 * `no-store` stays: browsers must not keep stream keys and signed addresses on a disk. Programs keep what they read
 * themselves, and ask by its tag. Nobody on the way may compress it, which would weaken the tag.
 */
export const tagged = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (c.res.status !== 200) return;
  const tag = await tagOf(c.res);
  c.header("ETag", tag);
  c.header("Cache-Control", "no-store, no-transform");
  if (!isKnown(tag, c.req.header("if-none-match"))) return;
  const headers = new Headers(c.res.headers);
  headers.delete("Content-Type");
  // Without this Hono copies the old headers over the new ones.
  c.res = undefined;
  c.res = new Response(null, { status: 304, headers });
});

/** Of what the handler of a `GET` replied. */
async function tagOf(reply: Response): Promise<string> {
  const settings = reply.headers.get("ETag");
  const representation = await digest(await reply.clone().text());
  return `"${settings === null ? representation : `${settings}.${representation}`}"`;
}

/** Around the handler of an edit: 412 says the tag as it is now, which is of what `read`, the handler of the `GET`, replies. */
export const tellingTag = (read: (c: Context<AppEnv>) => Promise<Response>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    await next();
    if (c.res.status !== 412) return;
    // What cannot be read any more has none, which is told when it is read.
    const tag = await read(c).then(tagOf, () => null);
    if (tag !== null) c.header("ETag", tag);
  });

/** Whether `If-None-Match` names the tag (section 13.1.2): compared weakly. */
export function isKnown(tag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch?.trim() === "*") return true;
  const bare = (one: string) => one.replace(/^W\//, "");
  return tagsIn(ifNoneMatch).some((one) => bare(one) === bare(tag));
}

/**
 * For the verb of an edit that honours `If-Match` (section 13.1.1), with the settings as they were just read. True: the
 * write must find them so, by `stillIs`, or nobody may be told that it is done. Throws `precondition_failed`.
 */
export async function needMatch(ifMatch: string | undefined, settings: Settings): Promise<boolean> {
  if (ifMatch === undefined || ifMatch.trim() === "*") return false;
  const current = await settingsTag(settings);
  // A weak tag matches nothing here, and neither does what is no tag.
  if (!tagsIn(ifMatch).some((tag) => tag.startsWith(`"${current}.`))) throw new ApiError("precondition_failed");
  return true;
}

const tagsIn = (list = ""): string[] => list.match(/(?:W\/)?"[^"]*"/g) ?? [];

/** Condition of a write that nobody else may have been faster than: the row is as it was read. */
export function stillIs<T extends Table>(table: T, settings: Partial<T["$inferSelect"]> & Settings): SQL | undefined {
  const columns = getTableColumns(table);
  return and(
    ...Object.entries(settings).map(([name, value]) => sql`${columns[name]} IS ${sql.param(value, columns[name])}`),
  );
}
