/** The JWT of a session: HS256 by a key derived for nothing else. One issuer for every face. */
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { TENANT } from "#contract/apps-identity";
import { Face, type UserRole } from "#contract/identity";
import type { Settings } from "../core/env.ts";
import { deriveKey } from "../core/secrets.ts";

const ISSUER = "sluice";
const ALGORITHM = "HS256";
const TYPE = "JWT";
/** Of a signature's 43 characters the last has four bits that count: a token is written in one way only. */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/;
/** How far another isolate's clock may be ahead. */
const SKEW_MS = 60_000;

/** What counts is the session's row; the claims beyond these are for clients that look inside. */
const Claims = z.object({
  jti: z.string().min(1).max(64),
  sub: z
    .string()
    .regex(/^[1-9]\d{0,14}$/)
    .transform(Number),
  iat: z.number(),
});
export type Claims = z.infer<typeof Claims>;

export type NewToken = {
  session: string;
  user_id: number;
  role: UserRole;
  scopes: string[];
  /** UTC ms. */
  issued_at: number;
  expires_at: number;
};

export async function signToken(settings: Settings, token: NewToken): Promise<string> {
  return new SignJWT({ sid: token.session, role: token.role, scopes: token.scopes, tenant: TENANT.id })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(Face.options)
    .setSubject(String(token.user_id))
    .setJti(token.session)
    .setIssuedAt(Math.floor(token.issued_at / 1000))
    .setExpirationTime(Math.floor(token.expires_at / 1000))
    .sign(await deriveKey(settings, "session tokens v1"));
}

type Verified = { claims: Claims; expires_at: number };
/**
 * Tokens that were found to be ours lately, by face and text: of a token nothing changes but that it expires. Checking
 * a signature costs more than all else that is done for a request.
 */
const verified = new WeakMap<Settings, Map<string, Verified>>();
const VERIFIED_MAX = 2000;

/**
 * Null for anything that is not a token of ours for this face, at this time (UTC ms). `grace_ms`: for so long after its
 * end it still is one.
 */
export async function verifyToken(
  settings: Settings,
  token: string,
  face: Face,
  now: number,
  grace_ms = 0,
): Promise<Claims | null> {
  const key = `${face} ${token}`;
  const known = verified.get(settings)?.get(key);
  if (known) return known.expires_at > now - grace_ms ? known.claims : null;
  const found = await verify(settings, token, face, now, grace_ms);
  if (!found) return null;
  const all = verified.get(settings) ?? new Map<string, Verified>();
  if (all.size >= VERIFIED_MAX) all.clear();
  verified.set(settings, all.set(key, found));
  return found.claims;
}

async function verify(
  settings: Settings,
  token: string,
  face: Face,
  now: number,
  grace_ms: number,
): Promise<Verified | null> {
  if (!SHAPE.test(token)) return null;
  try {
    const { payload } = await jwtVerify(token, await deriveKey(settings, "session tokens v1"), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      audience: face,
      requiredClaims: ["exp", "iat", "sub", "jti"],
      currentDate: new Date(now - grace_ms),
    });
    const claims = Claims.safeParse(payload);
    if (!claims.success || claims.data.iat * 1000 > now + SKEW_MS) return null;
    return { claims: claims.data, expires_at: Number(payload.exp) * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
