/** Tokens that are not ours, not for us, not any more, or not tokens at all: none opens anything. */
import { eq } from "drizzle-orm";
import { CompactEncrypt, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { fromBase64url, toBase64url } from "../../schema/kit/base64url.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { parseEnv } from "../../workers/core/env.ts";
import { deriveKey } from "../../workers/core/secrets.ts";
import { bindings, call, db, newUser } from "./client.ts";

type Claims = Record<string, unknown>;
type Changes = { claims?: Claims; header?: Record<string, unknown>; key?: CryptoKey | Uint8Array };

let user: Awaited<ReturnType<typeof newUser>>;
let other: Awaited<ReturnType<typeof newUser>>;
let key: CryptoKey;
/** The same key as bytes, for algorithms that it is not for. */
let keyBytes: Uint8Array<ArrayBuffer>;
const settings = parseEnv(bindings);
const encoder = new TextEncoder();
const now = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  user = await newUser();
  other = await newUser();
  key = await deriveKey(settings, "session tokens v1");
  const secret = await crypto.subtle.importKey("raw", encoder.encode(settings.secret), "HKDF", false, ["deriveBits"]);
  const info = { salt: encoder.encode("sluice"), info: encoder.encode("session tokens v1") };
  keyBytes = new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", ...info }, secret, 256));
});

const HEADER = { alg: "HS256", typ: "JWT" };
const rightClaims = (): Claims => ({
  iss: "sluice",
  aud: ["portal"],
  sub: String(user.id),
  jti: user.session,
  sid: user.session,
  iat: now(),
  exp: now() + 600,
});

/** A token of ours, but for `changes`. */
async function forge({ claims = {}, header = {}, key: another }: Changes = {}): Promise<string> {
  const all = Object.fromEntries(
    Object.entries({ ...rightClaims(), ...claims }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(all).setProtectedHeader({ ...HEADER, ...header }).sign(another ?? key);
}

const claiming = (claims: Claims) => () => forge({ claims });
/** By somebody who has another key, and a header that leads to it. */
const misled =
  (header: Record<string, unknown>, secret = "x") =>
  async () =>
    forge({ header, key: await hmacKey(secret) });

const encoded = (text: string) => toBase64url(encoder.encode(text));
const part = (value: unknown) => encoded(JSON.stringify(value));
const partsOf = (token: string): [string, string, string] => {
  const [header = "", payload = "", signature = ""] = token.split(".");
  return [header, payload, signature];
};
const bytesOf = (text: string) => fromBase64url(text) ?? expect.fail("no base64url");

async function hmacKey(secret: string | Uint8Array<ArrayBuffer>, hash = "SHA-256") {
  const bytes = typeof secret === "string" ? encoder.encode(secret) : secret;
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign"]);
}

/** Signed by our key, whatever is signed. */
async function signed(header: string, payload: string, by = key): Promise<string> {
  const input = `${header}.${payload}`;
  return `${input}.${toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", by, encoder.encode(input))))}`;
}

const reheadered = (header: unknown) => () => signed(part(header), part(rightClaims()));
/** JSON as it is written here, such as with a name twice. */
const paid = (payload: string) => () => signed(part(HEADER), encoded(payload));

/** Our token with another signature. */
const resigned = (change: (signature: string) => string) => () => {
  const [header, payload, signature] = partsOf(user.token);
  return `${header}.${payload}.${change(signature)}`;
};
const flipped = (at: number) =>
  resigned((signature) => {
    const bytes = bytesOf(signature);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return toBase64url(bytes);
  });

/** A token whose signature is right, by a key pair of somebody else's. */
async function byKeyPair(alg: string, inside = false): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = inside ? { jwk: await exportJWK(publicKey) } : {};
  return forge({ header: { alg, ...jwk }, key: privateKey });
}

async function deflated(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return toBase64url(new Uint8Array(await new Response(stream).arrayBuffer()));
}

const ALGORITHMS: Variants = {
  "alg none": () => new UnsecuredJWT(rightClaims()).encode(),
  "alg none with our signature": reheadered({ ...HEADER, alg: "none" }),
  "alg None": reheadered({ ...HEADER, alg: "None" }),
  "alg NONE": reheadered({ ...HEADER, alg: "NONE" }),
  "alg nOnE without a signature": () => `${part({ ...HEADER, alg: "nOnE" })}.${part(rightClaims())}.`,
  "alg with a space": reheadered({ ...HEADER, alg: "HS256 " }),
  "alg hs256, small": reheadered({ ...HEADER, alg: "hs256" }),
  "no alg": reheadered({ typ: "JWT" }),
  "alg empty": reheadered({ ...HEADER, alg: "" }),
  "alg null": reheadered({ ...HEADER, alg: null }),
  "alg a number": reheadered({ ...HEADER, alg: 256 }),
  "alg a list": reheadered({ ...HEADER, alg: ["HS256"] }),
  "alg twice, the last one none": () =>
    signed(encoded('{"alg":"HS256","typ":"JWT","alg":"none"}'), part(rightClaims())),
  "HS384 by our key": async () => forge({ header: { alg: "HS384" }, key: await hmacKey(keyBytes, "SHA-384") }),
  "HS512 by our key": async () => forge({ header: { alg: "HS512" }, key: await hmacKey(keyBytes, "SHA-512") }),
  "alg HS512 with an HS256 signature": reheadered({ ...HEADER, alg: "HS512" }),
  "alg RS256 with an HMAC": reheadered({ ...HEADER, alg: "RS256" }),
  "alg ES256 with an HMAC": reheadered({ ...HEADER, alg: "ES256" }),
  "alg EdDSA with an HMAC": reheadered({ ...HEADER, alg: "EdDSA" }),
  "RS256 by a key pair of somebody else's": () => byKeyPair("RS256"),
  "ES256 by a key pair of somebody else's": () => byKeyPair("ES256"),
  "EdDSA by a key pair of somebody else's": () => byKeyPair("EdDSA"),
  "ES256 with a signature of zeros": () =>
    `${part({ ...HEADER, alg: "ES256" })}.${part(rightClaims())}.${toBase64url(new Uint8Array(64))}`,
};

const HEADERS: Variants = {
  "kid leading to a file": misled({ kid: "../../../../dev/null" }, "\0"),
  "kid with SQL": misled({ kid: "x' UNION SELECT 'x" }),
  "kid an address": misled({ kid: "https://evil.example/key" }),
  "kid a command": misled({ kid: "key; echo x" }),
  "jku elsewhere": misled({ jku: "https://evil.example/jwks" }),
  "x5u elsewhere": misled({ x5u: "https://evil.example/cert.pem" }),
  "x5c inside": misled({ x5c: ["MIIB"] }),
  "jwk inside, a secret": misled({ jwk: { kty: "oct", k: "eA" } }),
  "jwk inside, a key pair's": () => byKeyPair("RS256", true),
  "a critical header nobody knows": reheadered({ ...HEADER, crit: ["x"], x: 1 }),
  "a critical header that is missing": reheadered({ ...HEADER, crit: ["x"] }),
  "crit empty": reheadered({ ...HEADER, crit: [] }),
  "an unencoded payload (b64: false)": reheadered({ ...HEADER, crit: ["b64"], b64: false }),
  "a payload that is zipped": async () =>
    signed(part({ ...HEADER, zip: "DEF" }), await deflated(JSON.stringify(rightClaims()))),
  "another typ": reheadered({ ...HEADER, typ: "at+jwt" }),
  "no typ": reheadered({ alg: "HS256" }),
  "a header that is a list": reheadered([HEADER]),
  "a header that is null": reheadered(null),
  "a header that is no JSON": () => signed(encoded("HS256"), part(rightClaims())),
};

const KEYS: Variants = {
  // HMAC fills a short key up with zeros: this one is as good as empty.
  "signed with nothing": misled({}, "\0"),
  "signed with the plain secret": async () => forge({ key: await hmacKey(settings.secret) }),
  "signed with the secret in base64": async () => forge({ key: await hmacKey(btoa(settings.secret)) }),
  "signed with another secret": misled({}, "x".repeat(32)),
  "signed with a word": misled({}, "secret"),
  "signed by the name of the key": misled({}, "session tokens v1"),
  "signed by the key of look-ups": async () => forge({ key: await deriveKey(settings, "look-ups v1") }),
  "signed by the key of recordings": async () => forge({ key: await deriveKey(settings, "vod tokens v1") }),
};

const CLAIMS: Variants = {
  expired: () => forge({ claims: { exp: now() - 1 } }),
  "expired just now": () => forge({ claims: { exp: now() } }),
  "no exp": claiming({ exp: undefined }),
  "exp null": claiming({ exp: null }),
  "exp a string": () => paid(JSON.stringify({ ...rightClaims(), exp: String(now() + 600) }))(),
  "exp below zero": claiming({ exp: -1 }),
  "not valid yet": () => forge({ claims: { nbf: now() + 300 } }),
  "nbf a string": claiming({ nbf: "0" }),
  "no iat": claiming({ iat: undefined }),
  "iat a string": claiming({ iat: "1" }),
  "iat in the future": () => forge({ claims: { iat: now() + 300 } }),
  "iat in milliseconds": () => forge({ claims: { iat: Date.now() } }),
  "another issuer": claiming({ iss: "portal" }),
  "an issuer in capitals": claiming({ iss: "Sluice" }),
  "no issuer": claiming({ iss: undefined }),
  "two issuers": claiming({ iss: ["sluice", "portal"] }),
  "another audience": claiming({ aud: ["sluice-media"] }),
  "no audience": claiming({ aud: undefined }),
  "audience empty": claiming({ aud: [] }),
  "audience a prefix": claiming({ aud: "port" }),
  "audience an object": claiming({ aud: { portal: true } }),
  "no sub": claiming({ sub: undefined }),
  "sub a number": () => forge({ claims: { sub: user.id } }),
  "sub of nobody": claiming({ sub: "999999" }),
  "sub of somebody else": () => forge({ claims: { sub: String(other.id) } }),
  "sub twice, the last one somebody else's": () =>
    paid(JSON.stringify(rightClaims()).replace(/}$/, `,"sub":"${other.id}"}`))(),
  "sub with SQL": claiming({ sub: "1 OR 1=1" }),
  "sub not canonical": () => forge({ claims: { sub: `0${user.id}` } }),
  "sub in other digits": () => forge({ claims: { sub: `${user.id}.0` } }),
  "no jti": claiming({ jti: undefined }),
  "jti of somebody else": () => forge({ claims: { jti: other.session } }),
  "jti of nobody": claiming({ jti: crypto.randomUUID() }),
  "jti in capitals": () => forge({ claims: { jti: user.session.toUpperCase() } }),
  "jti with a space": () => forge({ claims: { jti: `${user.session} ` } }),
  "jti with a wildcard": claiming({ jti: "%" }),
  "jti with SQL": claiming({ jti: "' OR '1'='1" }),
  "jti a number": () => forge({ claims: { jti: 1 } }),
  "jti empty": claiming({ jti: "" }),
  "jti very long": claiming({ jti: "x".repeat(3000) }),
  "claims in a prototype": () => paid(`{"__proto__":${JSON.stringify(rightClaims())}}`)(),
  "10 kB of claims": claiming({ x: "y".repeat(10_000) }),
};

const SPELLINGS: Variants = {
  "payload changed": () => {
    const [header, , signature] = partsOf(user.token);
    return `${header}.${part({ ...rightClaims(), sub: String(other.id) })}.${signature}`;
  },
  "payload no JSON": paid("not json"),
  "payload null": paid("null"),
  "payload a list": paid("[]"),
  "payload a word": paid('"sub"'),
  "payload empty": () => signed(part(HEADER), ""),
  "no header": () => user.token.slice(user.token.indexOf(".")),
  "signature stripped": resigned(() => ""),
  "signature a byte short": resigned((signature) => toBase64url(bytesOf(signature).slice(0, -1))),
  "signature a byte long": resigned((signature) => toBase64url(new Uint8Array([...bytesOf(signature), 0]))),
  "signature of zeros": resigned(() => "A".repeat(43)),
  "signature with its first bit flipped": flipped(0),
  "signature with its last bit flipped": flipped(31),
  "signature of another token": async () => {
    const [, , signature] = partsOf(await forge({ claims: { x: 1 } }));
    return resigned(() => signature)();
  },
  "signature in another spelling of its last character": resigned((signature) => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.slice(-1)) + 1];
  }),
  "signature in hexadecimal": resigned((signature) =>
    Array.from(bytesOf(signature), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  ),
  "signature padded": resigned((signature) => `${signature}=`),
  "signature twice": resigned((signature) => `${signature}.${signature}`),
  "signature with a space inside": resigned((signature) => `${signature.slice(0, 20)} ${signature.slice(20)}`),
  "a space before it": () => ` ${user.token}`,
  "a line after it": () => `${user.token}\n`,
  "a zero byte after it": () => `${user.token}\0`,
  "in quotes": () => `"${user.token}"`,
  "its scheme with it": () => `Bearer ${user.token}`,
  "dots encoded": () => user.token.replaceAll(".", "%2E"),
  "dots doubled": () => user.token.replaceAll(".", ".."),
  "in capitals": () => user.token.toUpperCase(),
  "two parts": () => partsOf(user.token).slice(0, 2).join("."),
  "one part": () => partsOf(user.token)[0],
  "only dots": () => "..",
  "encrypted, in five parts (JWE)": () =>
    new CompactEncrypt(encoder.encode(JSON.stringify(rightClaims())))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(keyBytes),
  "as a JSON object (RFC 7515, 7.2)": () => {
    const [header, payload, signature] = partsOf(user.token);
    return JSON.stringify({ protected: header, payload, signature });
  },
  "100 kB of nothing": () => "x".repeat(100_000),
  "100 kB of dots": () => ".".repeat(100_000),
  "a stream key": () => `live_${"A".repeat(32)}`,
  "a word": () => "undefined",
};

type Variants = Record<string, () => string | Promise<string>>;
const VARIANTS: Variants = { ...ALGORITHMS, ...HEADERS, ...KEYS, ...CLAIMS, ...SPELLINGS };

/** All that is logged while a test runs. */
function allLogged(): string[] {
  const lines: string[] = [];
  for (const level of ["debug", "info", "warn", "error"] as const) {
    const spy = vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
    onTestFinished(() => spy.mockRestore());
  }
  return lines;
}

/** By query and cookie, and by header, as far as it can be written there: spaces around it are the header's. */
const waysToSend = (token: string): [path: string, headers: Record<string, string>][] => [
  [`/api/me?token=${encodeURIComponent(token)}`, {}],
  ["/api/me", { cookie: `portal_session=${encodeURIComponent(token)}` }],
  ["/api/me", /^[ -~]*$/.test(token) && token.trim() === token ? { authorization: `Bearer ${token}` } : {}],
];

describe("a token is refused, and not logged:", () => {
  test.each(Object.entries(VARIANTS))("%s", async (_name, make) => {
    const token = await make();
    const lines = allLogged();
    for (const [path, headers] of waysToSend(token)) {
      const { status, body } = await call("GET", path, { headers });
      expect([path.split("?")[0], status]).toEqual(["/api/me", 401]);
      expect(body.error).toMatch(/^Authentication required: sign in/);
    }
    expect(lines).toHaveLength(3);
    for (const text of token.split(".")) {
      if (text.length > 20) expect(lines.join()).not.toContain(text);
    }
  });

  test("of at least forty kinds, none of them twice", async () => {
    const tokens = new Set(await Promise.all(Object.values(VARIANTS).map((make) => make())));
    expect(tokens.size).toBe(Object.keys(VARIANTS).length);
    expect(tokens.size).toBeGreaterThanOrEqual(40);
  });

  test("but the forge is right: with nothing changed it opens, by header, query and cookie", async () => {
    const ours = [
      await forge(),
      await forge({ key: await hmacKey(keyBytes) }),
      await reheadered(HEADER)(),
      await paid(JSON.stringify(rightClaims()))(),
      await forge({ claims: { iat: now() + 30 } }),
      resigned((signature) => signature)(),
    ];
    for (const token of ours) {
      for (const [path, headers] of waysToSend(token)) {
        expect((await call("GET", path, { headers })).body.id).toBe(user.id);
      }
    }
  });
});

describe("a token of ours is refused", () => {
  test("after its session was revoked, at once", async () => {
    const gone = await newUser();
    expect((await call("GET", "/api/me", { token: gone.token })).status).toBe(200);
    await call("GET", "/logout", { token: gone.token });
    expect((await call("GET", "/api/me", { token: gone.token })).status).toBe(401);
  });

  test("after its session's row expired, whatever the token says", async () => {
    const late = await newUser();
    await db
      .update(sessions)
      .set({ expires_at: Date.now() - 1 })
      .where(eq(sessions.id, late.session));
    expect((await call("GET", "/api/me", { token: late.token })).status).toBe(401);
  });

  test("after its account is gone", async () => {
    const gone = await newUser();
    await db.delete(users).where(eq(users.id, gone.id));
    expect((await call("GET", "/api/me", { token: gone.token })).status).toBe(401);
  });
});

describe("credentials", () => {
  test("a failed one falls through to the next", async () => {
    const other = await newUser();
    const { body } = await call("GET", `/api/me?token=${user.token}`, {
      headers: { authorization: "Bearer nonsense" },
    });
    expect(body.id).toBe(user.id);
    const cookie = await call("GET", "/api/me?token=nonsense", {
      headers: { cookie: `portal_session=${other.token}` },
    });
    expect(cookie.body.id).toBe(other.id);
  });

  test("the first that holds wins: header, then query, then cookie", async () => {
    const other = await newUser();
    const third = await newUser();
    const headers = { cookie: `portal_session=${third.token}` };
    expect((await call("GET", `/api/me?token=${other.token}`, { token: user.token, headers })).body.id).toBe(user.id);
    expect((await call("GET", `/api/me?token=${other.token}`, { headers })).body.id).toBe(other.id);
    expect((await call("GET", "/api/me", { headers })).body.id).toBe(third.id);
  });

  test.each(["Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Stream-Key", "", "bearer\tx"])(
    "an Authorization header that is %j is none",
    async (authorization) => {
      expect((await call("GET", "/api/me", { headers: { authorization } })).status).toBe(401);
    },
  );

  test("the scheme's case does not matter", async () => {
    expect((await call("GET", "/api/me", { headers: { authorization: `bEARER ${user.token}` } })).status).toBe(200);
  });
});
