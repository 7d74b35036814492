/** Tokens that are not ours, not for us, not any more, or not tokens at all: none opens anything. */
import { eq } from "drizzle-orm";
import { SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { toBase64url } from "../../schema/kit/base64url.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { parseEnv } from "../../workers/core/env.ts";
import { deriveKey } from "../../workers/core/secrets.ts";
import { bindings, call, db, newUser } from "./client.ts";

type Claims = Record<string, unknown>;
type Changes = { claims?: Claims; header?: Record<string, unknown>; key?: CryptoKey | Uint8Array };

let user: Awaited<ReturnType<typeof newUser>>;
let key: CryptoKey;
const settings = parseEnv(bindings);
const encoder = new TextEncoder();
const now = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  user = await newUser();
  key = await deriveKey(settings, "session tokens v1");
});

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
async function forge({ claims = {}, header = {}, key: other }: Changes = {}): Promise<string> {
  const all = Object.fromEntries(
    Object.entries({ ...rightClaims(), ...claims }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(all).setProtectedHeader({ alg: "HS256", ...header }).sign(other ?? key);
}

const part = (value: unknown) => toBase64url(encoder.encode(JSON.stringify(value)));
const payloadOf = (token: string) => token.split(".")[1] ?? "";
const signatureOf = (token: string) => token.split(".")[2] ?? "";

async function hmacKey(secret: string, hash = "SHA-256") {
  return crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash }, false, ["sign"]);
}

/** Signed by our key, whatever header and payload say. */
async function signed(header: unknown, payload: string): Promise<string> {
  const input = `${part(header)}.${payload}`;
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(input));
  return `${input}.${toBase64url(new Uint8Array(signature))}`;
}

const reheadered = (header: unknown) => signed(header, part(rightClaims()));

const VARIANTS: Record<string, () => string | Promise<string>> = {
  "alg none": () => new UnsecuredJWT(rightClaims()).encode(),
  "alg None, capitalised": () => reheadered({ alg: "None" }),
  "alg none with our signature": () => reheadered({ alg: "none" }),
  "no alg": () => reheadered({ typ: "JWT" }),
  "alg empty": () => reheadered({ alg: "" }),
  "alg a number": () => reheadered({ alg: 256 }),
  "alg HS384 under our key": () => reheadered({ alg: "HS384" }),
  "alg HS512 under our key": () => reheadered({ alg: "HS512" }),
  "alg RS256 with an HMAC": () => reheadered({ alg: "RS256" }),
  "alg ES256 with an HMAC": () => reheadered({ alg: "ES256" }),
  "alg EdDSA with an HMAC": () => reheadered({ alg: "EdDSA" }),
  "alg hs256, small": () => reheadered({ alg: "hs256" }),
  "a critical header nobody knows": () => reheadered({ alg: "HS256", crit: ["x"], x: 1 }),
  "an unencoded payload (b64: false)": () => reheadered({ alg: "HS256", crit: ["b64"], b64: false }),
  "signed with the plain secret": async () => forge({ key: await hmacKey(settings.secret) }),
  "signed with the secret in base64": async () => forge({ key: await hmacKey(btoa(settings.secret)) }),
  "signed with another secret": async () => forge({ key: await hmacKey("x".repeat(32)) }),
  "signed with no bytes at all": async () => forge({ key: await hmacKey("\0") }),
  "signed by the key that seals": async () => forge({ key: await hmacKey("seal v1") }),
  "kid leading to a file": async () => forge({ header: { kid: "../../../../dev/null" }, key: await hmacKey("\0") }),
  "kid with SQL": async () => forge({ header: { kid: "' UNION SELECT 'x" }, key: await hmacKey("x") }),
  "jku elsewhere": async () => forge({ header: { jku: "https://evil.example/jwks" }, key: await hmacKey("x") }),
  "jwk inside": async () => forge({ header: { jwk: { kty: "oct", k: "eA" } }, key: await hmacKey("x") }),
  expired: () => forge({ claims: { exp: now() - 1 } }),
  "no exp": () => forge({ claims: { exp: undefined } }),
  "exp a string": () => signed({ alg: "HS256" }, part({ ...rightClaims(), exp: String(now() + 600) })),
  "not valid yet": () => forge({ claims: { nbf: now() + 300 } }),
  "no iat": () => forge({ claims: { iat: undefined } }),
  "another issuer": () => forge({ claims: { iss: "portal" } }),
  "no issuer": () => forge({ claims: { iss: undefined } }),
  "another audience": () => forge({ claims: { aud: ["sluice-media"] } }),
  "no audience": () => forge({ claims: { aud: undefined } }),
  "audience a prefix": () => forge({ claims: { aud: "port" } }),
  "no sub": () => forge({ claims: { sub: undefined } }),
  "sub of somebody else": () => forge({ claims: { sub: "999999" } }),
  "sub with SQL": () => forge({ claims: { sub: "1 OR 1=1" } }),
  "sub not canonical": () => forge({ claims: { sub: "1e0" } }),
  "no jti": () => forge({ claims: { jti: undefined } }),
  "an unknown jti": () => forge({ claims: { jti: crypto.randomUUID() } }),
  "jti with SQL": () => forge({ claims: { jti: "' OR '1'='1" } }),
  "jti a number": () => forge({ claims: { jti: 1 } }),
  "jti very long": () => forge({ claims: { jti: "x".repeat(3000) } }),
  "payload changed": () => {
    const changed = part({ ...rightClaims(), sub: "1" });
    return user.token.replace(payloadOf(user.token), changed);
  },
  "signature cut": () => user.token.slice(0, -4),
  "signature of another token": async () =>
    user.token.replace(signatureOf(user.token), signatureOf(await forge({ claims: { x: 1 } }))),
  "no signature": () => user.token.replace(signatureOf(user.token), ""),
  "signature twice": () => `${user.token}.${signatureOf(user.token)}`,
  "two parts": () => user.token.split(".").slice(0, 2).join("."),
  "one part": () => "eyJ",
  "only dots": () => "..",
  "padding added": () => `${user.token}==`,
  "payload not JSON": () => signed({ alg: "HS256" }, toBase64url(encoder.encode("not json"))),
  "payload an array": () => signed({ alg: "HS256" }, part([])),
  "10 kB of claims": () => forge({ claims: { x: "y".repeat(10_000) } }),
  "100 kB of nothing": () => "x".repeat(100_000),
  "a stream key": () => `live_${"A".repeat(32)}`,
  "a word": () => "undefined",
};

describe("a token is refused:", () => {
  test.each(Object.entries(VARIANTS))("%s", async (_name, make) => {
    const token = await make();
    for (const call_ of [
      call("GET", "/api/me", { headers: { authorization: `Bearer ${token}` } }),
      call("GET", "/api/me", { headers: { cookie: `portal_session=${encodeURIComponent(token)}` } }),
      call("GET", `/api/me?token=${encodeURIComponent(token)}`),
    ]) {
      const { status, body } = await call_;
      expect(status).toBe(401);
      expect(body.error).toMatch(/^Authentication required: sign in/);
    }
  });

  test("the forge itself is right: unchanged, it opens", async () => {
    expect((await call("GET", "/api/me", { token: await forge() })).status).toBe(200);
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
