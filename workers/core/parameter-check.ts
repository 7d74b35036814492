/** What a request says beside its body: its path's and its query's parameters, checked at once and without a promise. */
import type { RouteConfig } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { FieldError } from "#contract/errors";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";

type Parameters = Pick<NonNullable<RouteConfig["request"]>, "params" | "query">;

/** Keeps for the handler what the schemas make of the parameters. The function throws `invalid_request`. */
export function parameterCheck({ params, query }: Parameters): (c: Context<AppEnv>) => void {
  return ({ req }) => {
    if (params) req.addValidatedData("param", valid(params, req.param(), "path"));
    if (query) req.addValidatedData("query", valid(query, queryOf(req.queries()), "query"));
  };
}

function valid(schema: NonNullable<Parameters["query"]>, value: object, where: NonNullable<FieldError["in"]>): object {
  const result = schema.safeParse(value);
  refuseInvalid(result, where);
  return result.data ?? {};
}

/** What is said more than once is a list. */
const queryOf = (queries: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(queries).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));

type Validation = { success: true } | { success: false; error: { issues: readonly Issue[] } };
type Issue = { path: PropertyKey[]; message: string; code?: string };

/** Throws `invalid_request` for what a schema refused, of the body when not said otherwise. */
export function refuseInvalid(result: Validation, where?: FieldError["in"]): void {
  if (result.success) return;
  const details = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ ...fieldError(issue), ...(where !== undefined && { in: where }) }));
  const [first] = details;
  throw new ApiError("invalid_request", first && `${first.field} ${first.message}`.trim(), { details });
}

function fieldError({ path, message }: Issue): FieldError {
  const missing = message.endsWith("received undefined");
  return { field: path.map(String).join("."), message: missing ? "is required" : plain(message) };
}

/** From `"user"|"admin"`. */
const listed = (options: string) => options.replaceAll('"', "").replaceAll("|", ", ");

/** zod's own words, where a schema has none, as the end of a sentence that begins with the field. */
const plain = (message: string) =>
  message
    .replace(/^Invalid input: expected (\w+), received .*$/, "must be of type $1")
    .replace(/^Invalid option: expected one of (.*)$/, (_, options: string) => `must be one of ${listed(options)}`)
    .replace(/^Too small: expected \w+ to (?:be|have) >=(\d+)(.*)$/, "must be at least $1$2")
    .replace(/^Too big: expected \w+ to (?:be|have) <=(\d+)(.*)$/, "must be at most $1$2");
