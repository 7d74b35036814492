/** How the access matrix calls an operation so that it succeeds. */
import type { UserRole } from "../../schema/contract/identity.ts";
import type { Person } from "./access-callers.ts";

/** A call, but for who makes it. */
export type Asked = {
  params?: Record<string, string | number>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: unknown;
};

export type Case = {
  /** The role of whose thing it is or who may do it, by kind where it depends on that; an ordinary user's when not said. */
  owner?: UserRole | Partial<Record<string, UserRole>>;
  /** Makes what the operation is about. It is called anew for each call that may change something. */
  make?(owner: Person, kind: string): Promise<Asked> | Asked;
  /** Makes the call itself and returns the status, where it is not told by HTTP alone. */
  send?(headers: Record<string, string>): Promise<number>;
};

export type Cases = Readonly<Record<string, Case>>;

let names = 0;
/** A name that nothing has yet. */
export const fresh = (prefix: string): string => `${prefix}-${++names}`;
