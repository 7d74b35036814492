/** The faces as a table: where each is mounted, which credentials it takes, and how it says that something failed. */
import { z } from "@hono/zod-openapi";
import type { ErrorCode, FieldError } from "#contract/errors";
import type { Face } from "#contract/identity";

/** An error as the renderers see it. */
export type Problem = {
  code: ErrorCode;
  status: number;
  message: string;
  request_id: string;
  details: readonly FieldError[];
};

type Dialect = {
  /** The longest prefix of a path that matches says the face. */
  mounts: readonly string[];
  /** The web application's cookie counts as a credential. */
  cookie: boolean;
  errorBody(problem: Problem): Record<string, unknown>;
  /** What `errorBody` returns, for the documentation. */
  errorSchema: z.ZodType;
};

export const FACES = {
  portal: {
    mounts: ["/"],
    cookie: true,
    errorBody: ({ message, status, request_id }) => ({ error: message, status, request_id }),
    errorSchema: z.object({ error: z.string(), status: z.int(), request_id: z.string() }).openapi("Error"),
  },
} as const satisfies Record<Face, Dialect>;

const MOUNTS = (Object.entries(FACES) as [Face, Dialect][])
  .flatMap(([face, { mounts }]) => mounts.map((prefix) => ({ face, prefix })))
  .sort((a, b) => b.prefix.length - a.prefix.length);

export function faceOf(path: string): Face {
  const mount = MOUNTS.find(({ prefix }) => path.startsWith(prefix));
  if (!mount) throw new Error("every path belongs to a face");
  return mount.face;
}
