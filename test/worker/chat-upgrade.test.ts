/** `GET /ws/chat`: who comes in, by what credential, and where they are taken. */
import { runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { BATCH_PROTOCOL, SOCKETS_PER_USER } from "../../schema/contract/chat.ts";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { CHAT_IDENTITY_HEADER } from "../../schema/contract/chat-rpc.ts";
import { toBase64url } from "../../schema/kit/base64url.ts";
import { newKey } from "../../schema/kit/keys.ts";
import { api_keys, sessions, users } from "../../schema/tables/identity.ts";
import { gatewayName, regionOf } from "../../workers/chat/gateway-name.ts";
import { eventually } from "../harness/eventually.ts";
import { connect, type TestSocket, type User, upgrade } from "./chat.ts";
import { bindings, call, db, newStream, newUser, ORIGIN, PASSWORD, system } from "./client.ts";

let user: User;
let stream: { id: number; stream_key: string; chat_channel_id: number };

beforeAll(async () => {
  user = await newUser("user", "ada");
  stream = await newStream(user.token, { is_public: 1, allow_unauthenticated: 1 });
});

const name = async (socket: TestSocket) => (await socket.next("connected")).user?.username ?? null;
const bearer = ({ token }: { token: string }) => ({ authorization: `Bearer ${token}` });

async function cookieOf(username: string): Promise<string> {
  const { headers } = await call("POST", "/login", { body: { username, password: PASSWORD } });
  return headers.get("set-cookie")?.split(";")[0] ?? expect.fail("no cookie");
}

describe("no upgrade", () => {
  test("is 426, which says what is wanted", async () => {
    const reply = await call("GET", "/ws/chat", { token: user.token });
    expect(reply).toMatchObject({ status: 426, body: { status: 426 } });
    expect(reply.headers.get("upgrade")).toBe("websocket");
  });

  test("sixty a minute and address, upgraded or not", async () => {
    const headers = { "cf-connecting-ip": "192.0.2.60" };
    for (let n = 0; n < 59; n++) expect((await call("GET", "/ws/chat", { headers })).status).toBe(426);
    expect(await name(await connect(headers))).toBeNull();
    const response = await upgrade(headers);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await name(await connect({ "cf-connecting-ip": "192.0.2.61" }))).toBeNull();
  });
});

describe("a credential", () => {
  test.each<[string, () => Promise<[Record<string, string>, string?]> | [Record<string, string>, string?]]>([
    ["Authorization: Bearer", () => [bearer(user)]],
    ["?token=", () => [{}, `?token=${user.token}`]],
    ["the cookie", async () => [{ cookie: await cookieOf("ada"), origin: ORIGIN }]],
    ["the cookie, from no browser", async () => [{ cookie: await cookieOf("ada") }]],
    ["Authorization: Stream-Key", () => [{ authorization: `Stream-Key ${stream.stream_key}` }]],
    ["X-Stream-Key", () => [{ "x-stream-key": stream.stream_key }]],
    ["a token that does not hold, and a cookie that does", async () => [{ cookie: await cookieOf("ada") }, "?token=x"]],
  ])("%s is somebody", async (_, given) => {
    const socket = await connect(...(await given()));
    const { user: shown } = await socket.next("connected");
    expect(shown).toEqual({
      user_id: user.id,
      username: "ada",
      nickname: null,
      role: "user",
      anonymous: false,
      avatar: {},
    });
  });

  test("none, or only a cookie that no longer holds, is a guest", async () => {
    const cookie = await cookieOf("ada");
    await call("GET", "/logout", { headers: { cookie } });
    const given: Record<string, string>[] = [{}, { cookie, origin: ORIGIN }, { cookie: "portal_session=x" }];
    for (const headers of given) {
      const socket = await connect(headers);
      expect(await name(socket)).toBeNull();
      socket.send({ type: "join", channel_id: stream.chat_channel_id });
      expect(await socket.next("channel_info")).toMatchObject({ can_send: false, can_moderate: false });
    }
  });

  test.each<[string, () => [Record<string, string>, string?]]>([
    ["a token", () => [{ authorization: "Bearer x.y.z" }]],
    ["a token in the query", () => [{}, "?token=x.y.z"]],
    ["an unknown stream key", () => [{ "x-stream-key": newKey("live_") }]],
    ["a stream key of the wrong kind", () => [{ authorization: "Stream-Key pub_x" }]],
    ["one that is too long", () => [{}, `?token=${"x".repeat(5000)}`]],
  ])("that does not hold is told on the socket, which is closed: %s", async (_, given) => {
    const socket = await connect(...given());
    expect(await socket.next("error")).toMatchObject({ error_code: "unauthenticated" });
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect(socket.texts).toHaveLength(1);
  });

  test("of a session that was revoked elsewhere does not hold, though this isolate still knows it", async () => {
    const gone = await newUser();
    expect((await call("GET", "/api/me", { token: gone.token })).status).toBe(200);
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, gone.session));
    const socket = await connect(bearer(gone));
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
  });

  test("of an account says how it is shown", async () => {
    const masked = await newUser("moderator");
    const avatar = { color: "#123456", emoji: "🦊" };
    await db.update(users).set({ chat_anonymous: 1, nickname: "Fox", avatar }).where(eq(users.id, masked.id));
    const socket = await connect(bearer(masked));
    expect((await socket.next("connected")).user).toMatchObject({
      user_id: masked.id,
      nickname: "Fox",
      role: "moderator",
      anonymous: true,
      avatar,
    });
  });
});

describe("another site", () => {
  test.each(["https://evil.example", "null", "http://sluice.test.evil.example", "https://sluice.test"])(
    "cannot come in by the cookie: %s",
    async (origin) => {
      const response = await upgrade({ cookie: await cookieOf("ada"), origin });
      expect(response.webSocket).toBeNull();
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: expect.stringContaining("Cross-origin") });
    },
  );

  test("may come in by a token, or as a guest", async () => {
    const origin = "https://other.example";
    expect(await name(await connect({ ...bearer(user), origin }))).toBe("ada");
    expect(await name(await connect({ origin }))).toBeNull();
  });
});

describe("what the gateway gets", () => {
  test("is never an identity of the client's", async () => {
    const forged = { kind: "user", user_id: user.id, profile: { username: "ada" } };
    const header = toBase64url(new TextEncoder().encode(JSON.stringify(forged)));
    const socket = await connect({ [CHAT_IDENTITY_HEADER]: header }, "?_pk=forged");
    expect(await name(socket)).toBeNull();
  });

  test("has neither credentials nor a query", async () => {
    const seen = vi.fn<(request: Request) => void>();
    const gateway = bindings.CHAT_GATEWAY.getByName(gatewayName(system().settings, null, String(user.id)));
    await runInDurableObject(gateway as unknown as DurableObjectStub, (object) => {
      const fetch = object.fetch?.bind(object);
      object.fetch = (request: Request) => {
        seen(request);
        return fetch?.(request) ?? expect.fail();
      };
    });
    const headers = { ...bearer(user), cookie: "portal_session=x", "x-stream-key": "live_x", "x-other": "y" };
    await connect({ ...headers, "sec-websocket-protocol": BATCH_PROTOCOL }, "?_pk=forged&token=x");
    const request = seen.mock.lastCall?.[0] ?? expect.fail("not seen");
    expect(new URL(request.url).search).toBe("");
    expect([...request.headers.keys()].sort()).toEqual(
      expect.arrayContaining(["sec-websocket-protocol", "upgrade", CHAT_IDENTITY_HEADER]),
    );
    for (const absent of ["authorization", "cookie", "x-stream-key", "x-other"]) {
      expect(request.headers.has(absent), absent).toBe(false);
    }
  });
});

describe("batches", () => {
  test("are offered by the client and taken", async () => {
    const socket = await connect({ ...bearer(user), "sec-websocket-protocol": `other, ${BATCH_PROTOCOL}` });
    expect(socket.response.headers.get("sec-websocket-protocol")).toBe(BATCH_PROTOCOL);
    await socket.next("connected");
    expect(socket.texts[0]).toMatch(/^\[/);
  });

  test("also to be told that a credential does not hold", async () => {
    const socket = await connect({ "sec-websocket-protocol": BATCH_PROTOCOL }, "?token=x");
    expect(socket.response.headers.get("sec-websocket-protocol")).toBe(BATCH_PROTOCOL);
    await socket.closed;
    expect(socket.texts.map((text) => JSON.parse(text))).toMatchObject([[{ error_code: "unauthenticated" }]]);
  });

  test("nothing is chosen for those who offer nothing", async () => {
    expect((await connect()).response.headers.has("sec-websocket-protocol")).toBe(false);
  });
});

test.each([1000, 3000, undefined])("a client that closes, by %s, is answered at once", async (code) => {
  const socket = await connect(bearer(user));
  await name(socket);
  const since = Date.now();
  socket.close(code);
  await socket.closed;
  expect(Date.now() - since).toBeLessThan(1_000);
});

test("a user has so many sockets, and the next one is told why not", async () => {
  const many = await newUser();
  for (let n = 0; n < SOCKETS_PER_USER; n++) await name(await connect(bearer(many)));
  const response = await upgrade(bearer(many));
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({ error: expect.stringContaining(String(SOCKETS_PER_USER)) });
});

test("they are counted together, whatever credential each came by, and nobody else's", async () => {
  const many = await newUser();
  const made = await newStream(many.token);
  const key = await call("POST", "/api/api-keys", { token: many.token, body: { name: "bot" } });
  const forms: [Record<string, string>, string?][] = [
    [bearer(many)],
    [{}, `?token=${many.token}`],
    [{ cookie: await cookieOf(many.username) }],
    [{ "x-api-key": key.body.api_key }],
    [{ "x-stream-key": made.stream_key }],
  ];
  for (let n = 0; n < SOCKETS_PER_USER; n++) {
    const [headers, query] = forms[n % forms.length] ?? [{}];
    expect(await name(await connect(headers, query))).toBe(many.username);
  }
  for (const [headers, query] of forms) expect((await upgrade(headers, query)).status).toBe(429);
  expect(await name(await connect(bearer(user)))).toBe("ada");
  expect(await name(await connect({}))).toBeNull();
});

test("signing out closes the session's sockets and no others", async () => {
  const leaver = await newUser();
  const cookie = await cookieOf(leaver.username);
  const [ends, stays] = [await connect({ cookie }), await connect(bearer(leaver))];
  for (const socket of [ends, stays]) expect(await name(socket)).toBe(leaver.username);
  await call("GET", "/logout", { headers: { cookie } });
  expect(await ends.closed).toBe(CHAT_CLOSE.unauthenticated);
  stays.send({ type: "join" });
  expect(await stays.next("channel_info")).toMatchObject({ name: "general" });
});

describe("a socket whose gateway was not told that its credential ended", () => {
  test.each<[string, (of: User) => Promise<[Record<string, string>, () => Promise<unknown>]>]>([
    [
      "a session",
      async (of) => [
        bearer(of),
        () => db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, of.session)),
      ],
    ],
    [
      "an API key",
      async (of) => {
        const { body } = await call("POST", "/api/api-keys", { token: of.token, body: { name: "bot" } });
        const revoke = () => db.update(api_keys).set({ revoked_at: Date.now() }).where(eq(api_keys.id, body.id));
        return [{ "x-api-key": body.key }, revoke];
      },
    ],
    [
      "a stream key",
      async (of) => {
        const { id, stream_key } = await newStream(of.token);
        const path = `/api/streams/${id}/regenerate-key`;
        return [{ "x-stream-key": stream_key }, () => call("POST", path, { token: of.token, body: {} })];
      },
    ],
  ])("is told at its next join, and closed: %s", async (_, given) => {
    const [headers, end] = await given(await newUser());
    const socket = await connect(headers);
    await socket.next("connected");
    await end();
    socket.send({ type: "join" });
    expect(await socket.next("error")).toMatchObject({ error_code: "unauthenticated" });
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
  });
});

describe("the gateway", () => {
  const socketsOf = (gateway: string, user_id: number) =>
    runInDurableObject(
      bindings.CHAT_GATEWAY.getByName(gateway) as unknown as DurableObjectStub,
      (_, state) =>
        state
          .getWebSockets()
          .filter((socket) => JSON.stringify(socket.deserializeAttachment()).includes(`"user_id":${user_id},`)).length,
    );

  test.each([
    [{ continent: "NA", longitude: "-122.4" }, "wnam"],
    [{ continent: "NA", longitude: "-74.0" }, "enam"],
    [{ continent: "NA" }, "enam"],
    [{ continent: "EU", longitude: "2.35" }, "weur"],
    [{ continent: "EU", longitude: "21.0" }, "eeur"],
    [{ continent: "AS", longitude: "55.3" }, "me"],
    [{ continent: "AS", longitude: "139.7" }, "apac"],
    [{ continent: "SA", longitude: "-46.6" }, "sam"],
    [{ continent: "OC", longitude: "151.2" }, "oc"],
    [{ continent: "AF", longitude: "18.4" }, "afr"],
    [{ continent: "AN" }, null],
    [{ country: "T1" }, null],
    [undefined, null],
  ])("of %j is near: %s", (cf, region) => {
    expect(regionOf(cf)).toBe(region);
  });

  test("is one of the region's, always the same", () => {
    const settings = { ...system().settings, chatShards: 8 };
    const shards = new Set<string>();
    for (let id = 1; id <= 500; id++) {
      const chosen = gatewayName(settings, "weur", String(id));
      expect(chosen).toMatch(/^weur:[0-7]$/);
      expect(gatewayName(settings, "weur", String(id))).toBe(chosen);
      shards.add(chosen);
    }
    expect(shards.size).toBe(8);
    expect(gatewayName(system().settings, null, "7")).toBe("auto:0");
  });

  test("is one for all sockets of an account: who was nowhere known comes along", async () => {
    const nomad = await newUser();
    const early = await connect(bearer(nomad));
    expect(await name(early)).toBe(nomad.username);
    const late = await connect(bearer(nomad), "", { continent: "OC", longitude: "151.2" });
    expect(await name(late)).toBe(nomad.username);
    expect(await early.closed).toBe(1012);
    const back = await connect(bearer(nomad));
    back.send({ type: "join" });
    await back.next("users");
    const homes = await Promise.all(["auto:0", "oc:0"].map((gateway) => socketsOf(gateway, nomad.id)));
    expect(homes).toEqual([0, 2]);
  });

  test("stays where the account first came from", async () => {
    const traveller = await newUser();
    const home = async () =>
      (await db.select({ region: users.home_region }).from(users).where(eq(users.id, traveller.id)).get())?.region;
    await name(await connect(bearer(traveller), "", { continent: "OC", longitude: "151.2" }));
    await eventually(async () => expect(await home()).toBe("oc"));
    const far = await connect(bearer(traveller), "", { continent: "EU", longitude: "2" });
    expect(await name(far)).toBe(traveller.username);
    expect(await home()).toBe("oc");
    const sockets = (of: string) =>
      runInDurableObject(
        bindings.CHAT_GATEWAY.getByName(of) as unknown as DurableObjectStub,
        (_, state) => state.getWebSockets().length,
      );
    expect(await sockets("oc:0")).toBe(2);
    expect(await sockets("weur:0")).toBe(0);
  });
});
