/** Calls of the real entry, and accounts to make them with. */
import { env, exports } from "cloudflare:workers";
import { drizzle } from "drizzle-orm/d1";
import { onTestFinished, vi } from "vitest";
import type { UserRole } from "../../schema/contract/identity.ts";
import { audit_log } from "../../schema/tables/admin.ts";
import { users } from "../../schema/tables/identity.ts";
import { type Ctx, systemContext } from "../../workers/core/context.ts";
import type { Env } from "../../workers/core/env.ts";
import { hashPassword } from "../../workers/identity/password.ts";
import { grantedScopes } from "../../workers/identity/roles.ts";
import { openSession } from "../../workers/identity/sessions.ts";

export const ORIGIN = "http://sluice.test";
export const PASSWORD = "correct horse battery";

export const bindings = env as unknown as Env;
export const db = drizzle(bindings.DB);

const worker = exports as unknown as { default: Fetcher };

export type Call = {
  token?: string;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is a string or bytes. */
  body?: unknown;
};
// biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every shape
export type Reply = { status: number; headers: Headers; text: string; body: any };

export async function call(method: string, path: string, { token, headers = {}, body }: Call = {}): Promise<Reply> {
  const raw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  const response = await worker.default.fetch(
    new Request(`${ORIGIN}${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
    }),
  );
  // Not text(), which warns of media.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

/** What is logged at a level while a test runs, kept off the terminal. */
export function logged(level: "warn" | "error"): string[] {
  const lines: string[] = [];
  const spy = vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
  onTestFinished(() => spy.mockRestore());
  return lines;
}

export const system = (): Ctx => systemContext(bindings, "test", () => undefined);

let addresses = 0;
/** Of a client that nobody has counted yet. Files share this module, so there is room for all of their tests. */
export function newAddress(): string {
  addresses += 1;
  return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

let passwordHash: string | undefined;
let accounts = 0;

/** The password is `PASSWORD`. */
export async function newUser(role: UserRole = "user", username = `user_${++accounts}_${Date.now() % 1e6}`) {
  passwordHash ??= await hashPassword(PASSWORD);
  const row = { username, password_hash: passwordHash, role, created_at: Date.now() };
  const user = await db.insert(users).values(row).returning().get();
  const session = await openSession(system(), user, {
    face: "portal",
    kind: "token",
    scopes: grantedScopes(role, undefined),
    name: null,
    ttl_ms: 3_600_000,
  });
  return { id: user.id, username, role, token: session.token, session: session.id };
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is what tests assert
export async function newStream(token: string, fields: Record<string, unknown> = {}): Promise<any> {
  const { status, body, text } = await call("POST", "/api/streams", {
    token,
    body: { title: `Stream ${crypto.randomUUID()}`, ...fields },
  });
  if (status !== 201) throw new Error(`no stream: ${status} ${text}`);
  return body;
}

/** The audit log's rows of an action, oldest first. */
export async function audited(action: string) {
  const rows = await db.select().from(audit_log).orderBy(audit_log.id);
  return rows.filter((row) => row.action === action);
}
