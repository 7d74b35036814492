/** The JWT of a session: HS256 by a key derived for nothing else. One issuer for every face. */
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
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
  return new SignJWT({ sid: token.session, role: token.role, scopes: token.scopes })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(Face.options)
    .setSubject(String(token.user_id))
    .setJti(token.session)
    .setIssuedAt(Math.floor(token.issued_at / 1000))
    .setExpirationTime(Math.floor(token.expires_at / 1000))
    .sign(await deriveKey(settings, "session tokens v1"));
}

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
    return claims.success && claims.data.iat * 1000 <= now + SKEW_MS ? claims.data : null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
