/** SSH keys: pairs in OpenSSH's formats, and who sees them. What OpenSSH itself makes of them is seen in test/system. */
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AllSshKeys, CreatedSshKey, SshKey, SshKeyList } from "../../schema/contract/credentials.ts";
import { sessions, ssh_keys, users } from "../../schema/tables/identity.ts";
import { audited, call, db, logged, newUser } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;

let ada: User;
let admin: User;
let names = 0;

beforeAll(async () => {
  [ada, admin] = [await newUser("user", "ada"), await newUser("admin")];
});
beforeEach(() => {
  logged("warn");
});

const post = ({ token }: { token: string }, body: unknown) => call("POST", "/api/ssh-keys", { token, body });
const get = (path: string, { token }: { token: string }) => call("GET", `/api/ssh-keys${path}`, { token });

async function newSshKey(user: User, fields: Record<string, unknown> = {}): Promise<CreatedSshKey> {
  const { status, text, body } = await post(user, { name: `key ${++names}`, ...fields });
  if (status !== 201) throw new Error(`no key: ${status} ${text}`);
  expect(CreatedSshKey.parse(body)).toEqual(body);
  return CreatedSshKey.parse(body);
}

async function apiKey(user: User, scopes?: string): Promise<{ token: string }> {
  const { body } = await call("POST", "/api/api-keys", { token: user.token, body: { name: `k ${++names}`, scopes } });
  return { token: body.key };
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** SSH's wire format: what comes next, each time. */
function wire(bytes: Uint8Array) {
  let left = bytes;
  const take = (length: number) => {
    const taken = left.slice(0, length);
    left = left.slice(length);
    return taken;
  };
  const uint32 = () => new DataView(take(4).buffer).getUint32(0);
  return { uint32, string: () => take(uint32()), rest: () => left };
}

/** What is in a private key file; its fields are those of the type, then the comment. */
function opened({ private_key }: CreatedSshKey, fields: number) {
  const lines = private_key.split("\n");
  expect(lines[0]).toBe("-----BEGIN OPENSSH PRIVATE KEY-----");
  expect(lines.slice(-2)).toEqual(["-----END OPENSSH PRIVATE KEY-----", ""]);
  for (const line of lines.slice(1, -3)) expect(line).toHaveLength(70);
  const bytes = bytesOf(lines.slice(1, -2).join(""));
  expect(textOf(bytes.slice(0, 15))).toBe("openssh-key-v1\0");
  const file = wire(bytes.slice(15));
  expect([textOf(file.string()), textOf(file.string()), file.string().length]).toEqual(["none", "none", 0]);
  expect(file.uint32()).toBe(1);
  const [blob, section] = [file.string(), file.string()];
  expect(file.rest()).toHaveLength(0);
  expect(section.length % 8).toBe(0);
  const secret = wire(section);
  expect(secret.uint32()).toBe(secret.uint32());
  const type = textOf(secret.string());
  const values = Array.from({ length: fields }, () => secret.string());
  const comment = textOf(secret.string());
  const padding = secret.rest();
  expect(padding.length).toBeLessThan(8);
  expect([...padding]).toEqual([...padding.keys()].map((n) => n + 1));
  return { blob, type, values, comment };
}

describe("POST /api/ssh-keys", () => {
  test("makes an Ed25519 pair whose halves belong together", async () => {
    const made = await newSshKey(ada, { name: " laptop " });
    expect(made).toMatchObject({ name: "laptop", key_type: "ed25519" });
    const [type, base64 = "", comment, ...more] = made.public_key.split(" ");
    expect([type, comment, more]).toEqual(["ssh-ed25519", "ada@sluice", []]);
    const { blob, type: kind, values, comment: inside } = opened(made, 2);
    expect([blob, kind, inside]).toEqual([bytesOf(base64), "ssh-ed25519", "ada@sluice"]);
    const [pub = new Uint8Array(), pair = new Uint8Array()] = values;
    expect(pair.slice(32)).toEqual(pub);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
    expect(made.fingerprint).toBe(`SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, "")}`);
    // What the seed signs, the public key of the line holds good.
    const pkcs8 = Uint8Array.from([...bytesOf("MC4CAQAwBQYDK2VwBCIEIA=="), ...pair.slice(0, 32)]);
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
    const signature = await crypto.subtle.sign({ name: "Ed25519" }, key, blob);
    const verifier = await crypto.subtle.importKey("raw", pub, { name: "Ed25519" }, false, ["verify"]);
    expect(await crypto.subtle.verify({ name: "Ed25519" }, verifier, signature, blob)).toBe(true);
  });

  test("makes an RSA pair of 3072 bits", async () => {
    const made = await newSshKey(ada, { key_type: "rsa" });
    expect(made.public_key).toMatch(/^ssh-rsa [A-Za-z0-9+/]+=* ada@sluice$/);
    const { blob, type, values } = opened(made, 6);
    const line = wire(blob);
    const [name, e, n] = [textOf(line.string()), line.string(), line.string()];
    expect([name, type]).toEqual(["ssh-rsa", "ssh-rsa"]);
    expect([...e]).toEqual([1, 0, 1]);
    expect([n.length, n[0]]).toEqual([385, 0]);
    expect(values.slice(0, 2)).toEqual([n, e]);
    // No number of the wire has zeros in front that it does not need.
    for (const [first = 0, second = 0] of values) expect(first > 0 || second >= 0x80).toBe(true);
  });

  test("keeps and logs nothing of the private half", async () => {
    const lines = logged("error");
    const made = await newSshKey(ada);
    const secret = made.private_key.split("\n")[4] ?? "";
    expect(secret.length).toBeGreaterThan(20);
    const [row] = await db.select().from(ssh_keys).where(eq(ssh_keys.id, made.id));
    expect(row).toMatchObject({ public_key: made.public_key, fingerprint: made.fingerprint, last_used_at: null });
    const audits = await audited("ssh_key_create");
    for (const text of [JSON.stringify(row), JSON.stringify(audits), lines.join()]) expect(text).not.toContain(secret);
    expect(audits.at(-1)).toMatchObject({
      actor_id: String(ada.id),
      target_type: "ssh_key",
      target_id: String(made.id),
      target_name: made.name,
      details: { key_type: "ed25519", fingerprint: made.fingerprint },
    });
    for (const path of ["", `/${made.id}`, "/authorized"]) expect((await get(path, ada)).text).not.toContain("PRIVATE");
  });

  test.each([{}, { name: "" }, { name: "a\nb" }, { name: "x".repeat(101) }, { name: "x", key_type: "dsa" }])(
    "%j is a bad request",
    async (body) => {
      expect((await post(ada, body)).status).toBe(400);
    },
  );

  test("a name is used once by an account, and nothing gets into the line of a key by a username", async () => {
    await newSshKey(ada, { name: "same" });
    expect(await post(ada, { name: "same" })).toMatchObject({
      status: 400,
      body: { error: "Another key has this name" },
    });
    const odd = await newUser();
    await db.update(users).set({ username: "a b\nssh-rsa x" }).where(eq(users.id, odd.id));
    expect((await newSshKey(odd, { name: "same" })).public_key).toMatch(/^ssh-ed25519 \S+ a_b_ssh-rsa_x@sluice$/);
  });

  test("an account has at most 50", async () => {
    const busy = await newUser();
    const key = { user_id: busy.id, key_type: "ed25519", public_key: "x", fingerprint: "x", created_at: 1 } as const;
    for (let n = 0; n < 49; n++) await db.insert(ssh_keys).values({ ...key, name: `n${n}` });
    const replies = await Promise.all([1, 2, 3].map((n) => post(busy, { name: `more ${n}` })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    expect(replies.find(({ status }) => status === 400)?.body.error).toContain("At most 50");
  });

  test("is done in person, by whoever is still signed in", async () => {
    expect((await post(await apiKey(ada), { name: "by a key" })).status).toBe(403);
    const user = await newUser();
    await call("GET", "/api/me", { token: user.token });
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await post(user, { name: "too late" })).status).toBe(401);
    expect(await db.select().from(ssh_keys).where(eq(ssh_keys.user_id, user.id))).toEqual([]);
  });
});

describe("who sees keys", () => {
  let bob: User;
  let keys: CreatedSshKey[];
  beforeAll(async () => {
    bob = await newUser("user", "bob");
    keys = [await newSshKey(bob), await newSshKey(bob)];
  });

  test("their owner: newest first, one by one, and by an API key", async () => {
    const { body } = await get("", bob);
    expect(SshKeyList.parse(body)).toEqual(body);
    expect(body.keys.map(({ id }: SshKey) => id)).toEqual(keys.map(({ id }) => id).reverse());
    const one = await get(`/${keys[0]?.id}`, bob);
    expect(SshKey.parse(one.body)).toEqual(one.body);
    expect(one.body).toMatchObject({ public_key: keys[0]?.public_key, fingerprint: keys[0]?.fingerprint });
    expect((await get("", await apiKey(bob))).body).toEqual(body);
  });

  test("as a text with a line for each", async () => {
    const { headers, text } = await get("/authorized", bob);
    expect(headers.get("content-type")).toMatch(/^text\/plain/);
    expect(text).toBe(
      keys
        .map(({ public_key }) => `${public_key}\n`)
        .reverse()
        .join(""),
    );
    expect((await get("/authorized", await newUser())).text).toBe("");
    expect((await get(`/authorized?user_id=${bob.id}`, bob)).text).toBe(text);
    expect((await get(`/authorized?user_id=${bob.id}`, admin)).text).toBe(text);
    expect((await get(`/authorized?user_id=${bob.id}`, await apiKey(admin, "*"))).text).toBe(text);
    for (const who of [ada, await newUser("moderator"), await apiKey(admin, "services:read")]) {
      expect((await get(`/authorized?user_id=${bob.id}`, who)).status).toBe(403);
    }
    expect((await get("/authorized?user_id=999999999", admin)).status).toBe(404);
    expect((await get("/authorized?user_id=x", admin)).status).toBe(400);
  });

  test("admins, everybody's; nobody else", async () => {
    const { body } = await get("/all", admin);
    expect(AllSshKeys.parse(body)).toEqual(body);
    expect(body.keys).toContainEqual(expect.objectContaining({ id: keys[0]?.id, user_id: bob.id, username: "bob" }));
    expect(body.keys).toContainEqual(expect.objectContaining({ username: "ada" }));
    for (const who of [ada, await newUser("moderator"), await apiKey(admin, "services:read")]) {
      expect((await get("/all", who)).status).toBe(403);
    }
    expect((await get(`/${keys[0]?.id}`, admin)).status).toBe(200);
    expect((await get(`/${keys[0]?.id}`, await apiKey(admin, "services:read"))).status).toBe(404);
    expect((await get(`/${keys[0]?.id}`, ada)).status).toBe(404);
    expect((await get("/999999999", admin)).status).toBe(404);
    expect((await get("/x", admin)).status).toBe(400);
  });

  test("nobody, once it is deleted; which only its owner does", async () => {
    const path = `/api/ssh-keys/${keys[0]?.id}`;
    for (const { token } of [ada, admin]) expect((await call("DELETE", path, { token })).status).toBe(404);
    expect((await call("DELETE", path, { token: (await apiKey(bob)).token })).status).toBe(403);
    const reply = await call("DELETE", path, { token: bob.token });
    expect([reply.status, reply.body]).toEqual([200, { status: "deleted" }]);
    expect((await call("DELETE", path, { token: bob.token })).status).toBe(404);
    expect((await get("/authorized", bob)).text).toBe(`${keys[1]?.public_key}\n`);
    expect((await audited("ssh_key_delete")).at(-1)).toMatchObject({ target_id: String(keys[0]?.id) });
  });
});
