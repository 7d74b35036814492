/** `Idempotency-Key`: what was sent twice is made once, and answered twice. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { chat_channels } from "../../schema/tables/chat.ts";
import { idempotency_keys, users } from "../../schema/tables/identity.ts";
import { streams } from "../../schema/tables/streams.ts";
import { sweepIdempotencyKeys } from "../../workers/core/idempotency.ts";
import { openSession } from "../../workers/identity/sessions.ts";
import { audited, bindings, call, db, newUser, PASSWORD, type Reply, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let ada: User;
let bob: User;
let root: User;
beforeAll(async () => {
  ada = await newUser();
  bob = await newUser();
  root = await newUser("superadmin");
});

const HOUR_MS = 3_600_000;
const newKey = () => crypto.randomUUID();
const replayed = ({ headers }: Reply) => headers.get("idempotency-replayed");
const kept = () => db.select().from(idempotency_keys);

type Sent = { by?: User; token?: string; headers?: Record<string, string> };
const send = (path: string, body: unknown, key: string, { by = ada, token = by.token, headers = {} }: Sent = {}) =>
  call("POST", path, { token, body, headers: { "idempotency-key": key, ...headers } });

/** The code of an error, whatever the face calls it. */
const codeOf = async (path: string, body: unknown, key: string, sent: Sent = {}) => {
  const { status, body: problem } = await send(path, body, key, {
    ...sent,
    headers: { accept: "application/problem+json" },
  });
  return [status, problem.code];
};

/** Another session of the account, as good as its role allows, or narrowed. */
async function signIn(user: User, scopes?: string[]): Promise<string> {
  const row = await db.select().from(users).where(eq(users.id, user.id)).get();
  const session = { face: "portal", kind: "token", scopes: scopes ?? ["*"], name: null, ttl_ms: HOUR_MS } as const;
  return (await openSession(system(), row ?? expect.fail(), session)).token;
}

const streamsOf = (user: User) => db.select().from(streams).where(eq(streams.user_id, user.id));

const CREATIONS: [path: string, body: (n: string) => object, by: () => User, sent: Sent][] = [
  ["/api/streams", (n) => ({ title: `Stream ${n}` }), () => ada, {}],
  ["/api/chat/channels", (n) => ({ name: `channel-${n}` }), () => ada, {}],
  ["/api/users", (n) => ({ username: `made_${n}`, password: PASSWORD }), () => root, {}],
  ["/api/admin/invite-codes", (n) => ({ label: n }), () => root, {}],
  ["/api/api-keys", (n) => ({ name: `key ${n}` }), () => ada, {}],
  ["/api/v1/tokens", (n) => ({ name: n, scope: "global" }), () => root, {}],
];

describe.each(CREATIONS)("POST %s", (path, body, who) => {
  test("sent again is answered the same, status, body and type, and makes nothing", async () => {
    const [key, asked, by] = [newKey(), body(crypto.randomUUID().slice(0, 8)), who()];
    const first = await send(path, asked, key, { by });
    expect([first.status, replayed(first)]).toEqual([201, null]);
    const made = (await audited(auditOf(path))).length;
    for (let times = 0; times < 2; times++) {
      const again = await send(path, asked, key, { by });
      expect([again.status, again.text, replayed(again)]).toEqual([201, first.text, "true"]);
      expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"));
      expect(again.headers.get("cache-control")).toBe("no-store");
      expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    }
    expect(await audited(auditOf(path))).toHaveLength(made);
  });

  test("says so in its description", async () => {
    const { body: document } = await call("GET", "/openapi.json");
    const { parameters, responses } = document.paths[path].post;
    expect(parameters).toContainEqual(
      expect.objectContaining({
        name: "Idempotency-Key",
        in: "header",
        schema: { type: "string", minLength: 1, maxLength: 255 },
      }),
    );
    expect(responses["201"].headers).toHaveProperty("Idempotency-Replayed");
    expect(responses["409"].description).toContain("`idempotency_running`");
    expect(responses["409"].headers).toHaveProperty("Retry-After");
    expect(responses["422"].description).toContain("`idempotency_mismatch`");
  });
});

const ACTIONS: Record<string, string> = {
  "/api/streams": "stream_create",
  "/api/chat/channels": "channel_create",
  "/api/users": "user_create",
  "/api/admin/invite-codes": "invite_code_create",
  "/api/api-keys": "api_key_create",
  "/api/v1/tokens": "app_token_create",
};
const auditOf = (path: string) => ACTIONS[path] ?? expect.fail(path);

test("a hundred at once with one key make one stream", async () => {
  const user = await newUser();
  const [key, body] = [newKey(), { title: "One of a hundred" }];
  const replies = await Promise.all(Array.from({ length: 100 }, () => send("/api/streams", body, key, { by: user })));
  const [stream, ...others] = await streamsOf(user);
  expect(others).toEqual([]);
  for (const reply of replies) {
    if (reply.status === 201) expect(reply.body.id).toBe(stream?.id);
    else expect([reply.status, Number(reply.headers.get("retry-after"))]).toEqual([409, 1]);
  }
  expect(replies.filter((reply) => reply.status === 201 && replayed(reply) === null)).toHaveLength(1);
  expect((await send("/api/streams", body, key, { by: user })).body.id).toBe(stream?.id);
});

describe("a key", () => {
  test("goes with one request: another body or query is refused, and makes nothing", async () => {
    const [key, user] = [newKey(), await newUser()];
    expect((await send("/api/streams", { title: "First" }, key, { by: user })).status).toBe(201);
    expect(await codeOf("/api/streams", { title: "Second" }, key, { by: user })).toEqual([422, "idempotency_mismatch"]);
    expect(await codeOf("/api/streams?x=1", { title: "First" }, key, { by: user })).toEqual([
      422,
      "idempotency_mismatch",
    ]);
    expect(await streamsOf(user)).toHaveLength(1);
  });

  test("is the operation's: the same for something else is another", async () => {
    const key = newKey();
    expect((await send("/api/streams", { title: `T ${key}` }, key)).status).toBe(201);
    const channel = await send("/api/chat/channels", { name: "same-key" }, key);
    expect([channel.status, replayed(channel)]).toEqual([201, null]);
  });

  test("is the account's: somebody else's is another", async () => {
    const [key, body] = [newKey(), { title: "Everybody's title" }];
    const [mine, theirs] = [await send("/api/streams", body, key), await send("/api/streams", body, key, { by: bob })];
    expect([mine.status, theirs.status, replayed(theirs)]).toEqual([201, 201, null]);
    expect(theirs.body).toMatchObject({ user_id: bob.id });
    expect(theirs.body.stream_key).not.toBe(mine.body.stream_key);
  });

  test("outlives a session, however the next one is sent", async () => {
    const [key, body] = [newKey(), { title: "Signed in again" }];
    const first = await send("/api/streams", body, key);
    const token = await signIn(ada);
    await call("POST", "/api/token/revoke", { token, body: { token_id: ada.session } });
    const again = await send("/api/streams", body, key, { token });
    expect([again.text, replayed(again)]).toEqual([first.text, "true"]);
    const inQuery = await call("POST", `/api/streams?token=${token}`, { body, headers: { "idempotency-key": key } });
    expect([inQuery.text, replayed(inQuery)]).toEqual([first.text, "true"]);
    const cookie = { cookie: `portal_session=${token}`, "idempotency-key": key };
    expect(replayed(await call("POST", "/api/streams", { body, headers: cookie }))).toBe("true");
    ada = { ...ada, token };
  });

  test.each(["a\u007fb", "a".repeat(256), "a\tb"])("%j is refused, and nothing is made", async (key) => {
    const before = (await streamsOf(bob)).length;
    expect(await codeOf("/api/streams", { title: "Bad key" }, key, { by: bob })).toEqual([400, "invalid_request"]);
    expect(await streamsOf(bob)).toHaveLength(before);
  });

  test.each(["a", "~".repeat(255), 'a "quoted, one"; x=1'])("%j is taken", async (key) => {
    expect((await send("/api/streams", { title: `Key ${key.slice(0, 20)}` }, key, { by: bob })).status).toBe(201);
  });

  test("is nothing to operations that make nothing, and nothing to a login", async () => {
    const before = (await kept()).length;
    const key = newKey();
    const login = () => send("/api/token", { username: ada.username, password: PASSWORD }, key);
    const tokens = [(await login()).body.token, (await login()).body.token];
    expect(tokens[0]).not.toBe(tokens[1]);
    expect(await kept()).toHaveLength(before);
  });
});

describe("what did not succeed frees the key", () => {
  test("a body that is refused", async () => {
    const key = newKey();
    expect((await send("/api/streams", {}, key)).status).toBe(400);
    expect((await send("/api/streams", { title: `Now right ${key}` }, key)).status).toBe(201);
  });

  test("a conflict, which may be gone the next time", async () => {
    const [key, body] = [newKey(), { name: "taken-for-now" }];
    const { body: taken } = await call("POST", "/api/chat/channels", { token: bob.token, body });
    expect(await codeOf("/api/chat/channels", body, key)).toEqual([409, "conflict"]);
    await db.delete(chat_channels).where(eq(chat_channels.id, taken.id));
    const again = await send("/api/chat/channels", body, key);
    expect([again.status, replayed(again)]).toEqual([201, null]);
  });

  test("what one may not do", async () => {
    const before = (await kept()).length;
    expect((await send("/api/users", { username: "not_by_ada", password: PASSWORD }, newKey())).status).toBe(403);
    expect(await kept()).toHaveLength(before);
  });
});

describe("a request whose Worker died", () => {
  /** As it is left: a row without a status. */
  async function abandoned(body: object, age_ms: number) {
    const [key, user] = [newKey(), await newUser()];
    expect((await send("/api/streams", body, key, { by: user })).status).toBe(201);
    const changes = { status: null, reply: null, created_at: Date.now() - age_ms };
    await db.update(idempotency_keys).set(changes).where(eq(idempotency_keys.user_id, user.id));
    await db.delete(streams).where(eq(streams.user_id, user.id));
    return { key, user };
  }
  const body = { title: "Abandoned" };

  test("is taken to be running for a minute", async () => {
    const { key, user } = await abandoned(body, 50_000);
    expect(await codeOf("/api/streams", body, key, { by: user })).toEqual([409, "idempotency_running"]);
    expect(await codeOf("/api/streams", { title: "Another" }, key, { by: user })).toEqual([
      422,
      "idempotency_mismatch",
    ]);
  });

  test("is done again after it, by one of those who ask", async () => {
    const { key, user } = await abandoned(body, 61_000);
    expect((await send("/api/streams", { title: "Another" }, key, { by: user })).status).toBe(422);
    const replies = await Promise.all(Array.from({ length: 10 }, () => send("/api/streams", body, key, { by: user })));
    expect(await streamsOf(user)).toHaveLength(1);
    expect(replies.filter((reply) => reply.status === 201 && replayed(reply) === null)).toHaveLength(1);
  });

  test("and was only slow: it answers whoever waits for it, and keeps nothing of what another took over", async () => {
    const [key, user] = [newKey(), await newUser()];
    const DB = bindings.DB;
    const slow = "UPDATE idempotency_keys SET created_at = created_at - 61000";
    await DB.prepare(`CREATE TRIGGER slow AFTER INSERT ON streams BEGIN ${slow}; END`).run();
    const first = await send("/api/streams", body, key, { by: user });
    await DB.prepare("DROP TRIGGER slow").run();
    expect([first.status, (await streamsOf(user)).length]).toEqual([201, 1]);
    const rows = () => db.select().from(idempotency_keys).where(eq(idempotency_keys.user_id, user.id));
    expect(await rows()).toMatchObject([{ status: null, reply: null }]);
    // It is done again: here the title tells.
    expect(await codeOf("/api/streams", body, key, { by: user })).toEqual([409, "conflict"]);
    expect(await rows()).toEqual([]);
  });
});

describe("reading back what was made takes what making it took", () => {
  const invite = { label: "secret" };

  test("a role that was lost, and scopes that were left out", async () => {
    const admin = await newUser("admin");
    const key = newKey();
    expect((await send("/api/admin/invite-codes", invite, key, { by: admin })).status).toBe(201);
    const narrowed = await signIn(admin, ["services:read"]);
    expect(await codeOf("/api/admin/invite-codes", invite, key, { token: narrowed })).toEqual([403, "forbidden"]);
    const made = (await audited("invite_code_create")).length;
    await call("PUT", `/api/users/${admin.id}/role`, { token: root.token, body: { role: "user" } });
    for (const scopes of [["*"], ["services:read", "access:*"]]) {
      const reply = await send("/api/admin/invite-codes", invite, key, { token: await signIn(admin, scopes) });
      expect([reply.status, reply.text.includes("PORTAL-")]).toEqual([403, false]);
    }
    expect(await audited("invite_code_create")).toHaveLength(made);
    await call("PUT", `/api/users/${admin.id}/role`, { token: root.token, body: { role: "superadmin" } });
    const promoted = await send("/api/admin/invite-codes", invite, key, { token: await signIn(admin) });
    expect([promoted.status, replayed(promoted)]).toEqual([201, "true"]);
  });

  test("by a key one gets what the key made, and not what was made in person", async () => {
    const user = await newUser();
    const made = await call("POST", "/api/api-keys", { token: user.token, body: { name: "for retries" } });
    const apiKey: string = made.body.api_key;
    const [one, two, body] = [newKey(), newKey(), { title: "By a key" }];
    const byKey = await send("/api/streams", body, one, { token: apiKey });
    expect(byKey.status).toBe(201);
    expect((await send("/api/streams", body, one, { by: user })).text).toBe(byKey.text);
    const inPerson = { title: "In person" };
    expect((await send("/api/streams", inPerson, two, { by: user })).status).toBe(201);
    expect(await codeOf("/api/streams", inPerson, two, { token: apiKey })).toEqual([403, "forbidden"]);
    expect(await streamsOf(user)).toHaveLength(2);
  });

  test("nobody gets it who is signed out", async () => {
    const user = await newUser();
    const [key, body] = [newKey(), { title: "Signed out" }];
    await send("/api/streams", body, key, { by: user });
    await call("POST", "/api/token/revoke", { token: user.token, body: { token_id: user.session } });
    expect((await send("/api/streams", body, key, { by: user })).status).toBe(401);
    expect((await call("POST", "/api/streams", { body, headers: { "idempotency-key": key } })).status).toBe(401);
  });
});

test("neither key nor reply nor what was sent can be read from the table", async () => {
  const [key, title] = [newKey(), "A title that is looked for"];
  const { body } = await send("/api/streams", { title }, key);
  const rows = JSON.stringify(await kept());
  expect(rows).not.toContain(key);
  expect(rows).not.toContain(title);
  expect(rows).not.toContain(body.stream_key);
});

test("what an account sent goes with it", async () => {
  const user = await newUser();
  await send("/api/streams", { title: "Gone" }, newKey(), { by: user });
  const left = () => db.select().from(idempotency_keys).where(eq(idempotency_keys.user_id, user.id));
  expect(await left()).toHaveLength(1);
  expect((await call("DELETE", `/api/users/${user.id}`, { token: root.token })).status).toBe(200);
  expect(await left()).toEqual([]);
});

test("after a day a key is new, swept or not", async () => {
  const user = await newUser();
  const [key, swept] = [newKey(), newKey()];
  await send("/api/streams", { title: "Yesterday" }, key, { by: user });
  await send("/api/streams", { title: "Yesterday too" }, swept, { by: user });
  const age = (age_ms: number) =>
    db
      .update(idempotency_keys)
      .set({ created_at: Date.now() - age_ms })
      .where(eq(idempotency_keys.user_id, user.id));
  await age(24 * HOUR_MS - 60_000);
  expect(await sweepIdempotencyKeys(system())).toBe(0);
  expect(replayed(await send("/api/streams", { title: "Yesterday" }, key, { by: user }))).toBe("true");
  await age(24 * HOUR_MS);
  const today = await send("/api/streams", { title: "Today" }, key, { by: user });
  expect([today.status, replayed(today)]).toEqual([201, null]);
  expect(await sweepIdempotencyKeys(system())).toBe(1);
  expect((await send("/api/streams", { title: "Today too" }, swept, { by: user })).status).toBe(201);
});

test("the operations that take a key are those that make something for an account", async () => {
  const Document = z.object({
    paths: z.record(
      z.string(),
      z.record(z.string(), z.looseObject({ parameters: z.array(z.looseObject({ name: z.string() })).optional() })),
    ),
  });
  const { paths } = Document.parse((await call("GET", "/openapi.json")).body);
  const taking = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === "Idempotency-Key"))
      .map(([method]) => `${method} ${path}`),
  );
  expect(taking.sort()).toEqual(CREATIONS.map(([path]) => `post ${path}`).sort());
});
