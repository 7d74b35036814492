/** Conditional requests: copies that are still right, and edits of what somebody else has changed meanwhile. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { two_factor } from "../../schema/tables/identity.ts";
import { streams } from "../../schema/tables/streams.ts";
import { vods } from "../../schema/tables/vods.ts";
import { connect, newChannel } from "./chat.ts";
import { audited, call, db, newStream, newUser } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let ada: User;
let bob: User;
beforeAll(async () => {
  ada = await newUser();
  bob = await newUser();
});

const STRONG = /^"[A-Za-z0-9_-]{22}(\.[A-Za-z0-9_-]{22})?"$/;

const get = (path: string, headers: Record<string, string> = {}, by = ada) =>
  call("GET", path, { token: by.token, headers });
const put = (path: string, body: object, ifMatch?: string, by = ada) =>
  call("PUT", path, { token: by.token, body, headers: ifMatch === undefined ? {} : { "if-match": ifMatch } });

async function tagOf(path: string, by = ada): Promise<string> {
  const { status, headers } = await get(path, {}, by);
  expect(status).toBe(200);
  const tag = headers.get("etag") ?? "";
  expect(tag).toMatch(STRONG);
  return tag;
}

let numbers = 0;
/** A recording of Ada's that was made some time ago. */
async function newVod(): Promise<string> {
  const n = ++numbers;
  const now = Date.now();
  const row: typeof vods.$inferInsert = {
    public_id: `vod_tagged_${n}`,
    user_id: ada.id,
    session: `tagged ${n}`,
    title: `Recording ${n}`,
    visibility: "private",
    status: "ready",
    gaps: [],
    started_at: now,
    created_at: now,
    updated_at: now,
  };
  const { id } = await db.insert(vods).values(row).returning({ id: vods.id }).get();
  return `/api/library/${id}`;
}

async function newSshKey(): Promise<string> {
  const { body } = await call("POST", "/api/ssh-keys", { token: ada.token, body: { name: "laptop" } });
  return `/api/ssh-keys/${body.id}`;
}

async function newMessage(): Promise<string> {
  const channel_id = await newChannel(ada);
  const { send, next } = await connect({ authorization: `Bearer ${ada.token}` });
  send({ type: "join", channel_id });
  await next("users");
  send({ type: "message", channel_id, message: "Hello" });
  return `/api/chat/thread/${(await next("message")).id}`;
}

const RESOURCES: [name: string, path: () => Promise<string>][] = [
  ["a stream", async () => `/api/streams/${(await newStream(ada.token)).id}`],
  ["a recording", newVod],
  ["oneself", async () => "/api/me"],
  ["oneself, by the apps face", async () => "/api/v1/account"],
  ["an SSH key", newSshKey],
  ["a thread", newMessage],
];

describe.each(RESOURCES)("%s", (_name, resource) => {
  let made: Promise<string> | undefined;
  // In a test: sockets end with one.
  const find = () => {
    made ??= resource();
    return made;
  };

  test("has a strong tag, the same for the same, and is kept by no browser and changed by nobody on the way", async () => {
    const path = await find();
    const { headers } = await get(path);
    expect(headers.get("etag")).toMatch(STRONG);
    expect(headers.get("cache-control")).toBe("no-store, no-transform");
    expect(await tagOf(path)).toBe(headers.get("etag"));
  });

  test("is 304 to who knows it, with its tag and nothing else", async () => {
    const path = await find();
    const tag = await tagOf(path);
    for (const known of [tag, `W/${tag}`, `"a,b", ${tag}`, `"old",W/${tag}`, "*", " * "]) {
      const { status, text, headers } = await get(path, { "if-none-match": known });
      expect([known, status, text]).toEqual([known, 304, ""]);
      expect(headers.get("etag")).toBe(tag);
      expect(headers.get("content-type")).toBeNull();
      expect(headers.get("content-length")).toBeNull();
      expect(headers.get("x-request-id")).toBeTruthy();
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  test("is 200 to who knows something else", async () => {
    const path = await find();
    const tag = await tagOf(path);
    for (const known of ['"other"', tag.slice(1, -1), '"*"', "W/*", "", ","]) {
      expect([known, (await get(path, { "if-none-match": known })).status]).toEqual([known, 200]);
    }
  });

  test("HEAD says the same without a body", async () => {
    const path = await find();
    const tag = await tagOf(path);
    const head = await call("HEAD", path, { token: ada.token });
    expect([head.status, head.text, head.headers.get("etag")]).toEqual([200, "", tag]);
    const known = await call("HEAD", path, { token: ada.token, headers: { "if-none-match": tag } });
    expect([known.status, known.headers.get("etag")]).toEqual([304, tag]);
  });

  test("what a tag says nothing about is refused as ever", async () => {
    const anonymous = await call("GET", await find(), { headers: { "if-none-match": "*" } });
    expect([anonymous.status, anonymous.headers.get("etag")]).toEqual([401, null]);
  });
});

test("the tag of what one may not see says nothing", async () => {
  const { id } = await newStream(ada.token, { is_public: false });
  const tag = await tagOf(`/api/streams/${id}`);
  const { status, headers } = await get(`/api/streams/${id}`, { "if-none-match": tag }, bob);
  expect([status, headers.get("etag")]).toEqual([404, null]);
});

test("its owner and others see different things, and get different tags", async () => {
  const { id } = await newStream(ada.token);
  const path = `/api/streams/${id}`;
  const [own, shown] = [await tagOf(path), await tagOf(path, bob)];
  expect(own).not.toBe(shown);
  expect((await get(path, { "if-none-match": own }, bob)).status).toBe(200);
});

describe("If-Match", () => {
  const EDITED: [what: string, path: () => Promise<string>, shown: string][] = [
    ["a stream", async () => `/api/streams/${(await newStream(ada.token)).id}`, "stream"],
    ["a recording", newVod, "vod"],
  ];

  describe.each(EDITED)("of %s", (_what, resource, shown) => {
    let path: string;
    beforeAll(async () => {
      path = await resource();
    });
    const title = async () => (await get(path)).body[shown].title;

    test("lets an edit of what was read through, once", async () => {
      const tag = await tagOf(path);
      const edited = await put(path, { title: "Edited once" }, tag);
      expect([edited.status, edited.body[shown].title]).toEqual([200, "Edited once"]);
      expect(await tagOf(path)).not.toBe(tag);
      const late = await call("PUT", path, {
        token: ada.token,
        body: { title: "Edited twice" },
        headers: { "if-match": tag, accept: "application/problem+json" },
      });
      expect([late.status, late.body.code]).toEqual([412, "precondition_failed"]);
      expect(late.headers.get("etag")).toBe(await tagOf(path));
      expect(await title()).toBe("Edited once");
    });

    test("of many that read the same and write at once, one writes", async () => {
      const tag = await tagOf(path);
      const before = (await audited(`${shown}_update`)).length;
      const titles = Array.from({ length: 12 }, (_, n) => `Writer ${n}`);
      const replies = await Promise.all(titles.map((wanted) => put(path, { title: wanted }, tag)));
      const won = replies.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect(replies.filter(({ status }) => status === 412)).toHaveLength(titles.length - 1);
      expect(await title()).toBe(won[0]?.body[shown].title);
      expect(await audited(`${shown}_update`)).toHaveLength(before + 1);
    });

    test("an edit of something else counts too: both were read together", async () => {
      const tag = await tagOf(path);
      expect((await put(path, shown === "vod" ? { visibility: "unlisted" } : { record: false })).status).toBe(200);
      expect((await put(path, { title: "Too late" }, tag)).status).toBe(412);
    });

    test("takes lists and *, and nothing weak or malformed", async () => {
      const tag = await tagOf(path);
      for (const refused of ['"other"', `W/${tag}`, tag.slice(1, -1), '"*"', "W/*", `"${tag.slice(1, 23)}"`]) {
        expect([refused, (await put(path, { title: "Never" }, refused)).status]).toEqual([refused, 412]);
      }
      expect((await put(path, { title: "By a list" }, `"a,b", ${tag}`)).status).toBe(200);
      expect((await put(path, { title: "By a star" }, "*")).status).toBe(200);
      expect((await put(path, { title: "Without" })).status).toBe(200);
    });

    test("is asked after who it is: somebody else's is 404, and nothing is written", async () => {
      const tag = await tagOf(path);
      for (const ifMatch of [tag, "*", '"other"']) {
        const { status, headers } = await put(path, { title: "Not mine" }, ifMatch, bob);
        expect([status, headers.get("etag")]).toEqual([404, null]);
      }
      expect(await title()).not.toBe("Not mine");
    });
  });

  describe("of one's account at the apps face", () => {
    const path = "/api/v1/account";
    const patch = (body: object, ifMatch: string, by: User) =>
      call("PATCH", path, { token: by.token, body, headers: { "if-match": ifMatch } });

    test("lets an edit of what was read through, once; a refusal says the tag to go on with", async () => {
      const user = await newUser();
      const tag = await tagOf(path, user);
      expect((await patch({ name: "First" }, tag, user)).status).toBe(200);
      const late = await patch({ email: `late${user.id}@example.com` }, tag, user);
      expect([late.status, late.headers.get("etag")]).toEqual([412, await tagOf(path, user)]);
      expect((await get(path, {}, user)).body.data).toMatchObject({ name: "First", email: null });
      for (const now of [late.headers.get("etag") ?? "", "*", `"a", ${await tagOf(path, user)}`]) {
        expect((await patch({ name: "First" }, now, user)).status).toBe(200);
      }
    });

    test("of many that read the same and write at once, one writes", async () => {
      const user = await newUser();
      const tag = await tagOf(path, user);
      const names = Array.from({ length: 6 }, (_, n) => `Writer ${n}`);
      const replies = await Promise.all(names.map((name) => patch({ name }, tag, user)));
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
      const won = replies.find(({ status }) => status === 200);
      expect((await get(path, {}, user)).body.data.name).toBe(won?.body.data.name);
    });

    test("a second factor that is turned on meanwhile fails no edit", async () => {
      const user = await newUser();
      const tag = await tagOf(path, user);
      const now = Date.now();
      await db.insert(two_factor).values({ user_id: user.id, secret: "sealed", created_at: now, enabled_at: now });
      expect(await tagOf(path, user)).not.toBe(tag);
      expect((await patch({ name: "As before" }, tag, user)).status).toBe(200);
    });
  });

  test("what changes by itself while a stream is live fails no edit, and is a new copy", async () => {
    const { id } = await newStream(ada.token);
    const path = `/api/streams/${id}`;
    const tag = await tagOf(path);
    await db
      .update(streams)
      .set({ viewer_count: 7, total_views: 9, thumbnail_url: "/t.jpg" })
      .where(eq(streams.id, id));
    expect((await get(path, { "if-none-match": tag })).status).toBe(200);
    expect((await put(path, { title: "While live" }, tag)).status).toBe(200);
  });

  test("there and back again is what was read: nothing is lost", async () => {
    const { id } = await newStream(ada.token, { title: "There" });
    const path = `/api/streams/${id}`;
    const tag = await tagOf(path);
    await put(path, { title: "Back" });
    await put(path, { title: "There" });
    expect((await put(path, { title: "Again" }, tag)).status).toBe(200);
  });
});
