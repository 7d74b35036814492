/** The JWT of a session: HS256 by a key derived for nothing else. One issuer for every face. */
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { Face, type UserRole } from "#contract/identity";
import type { Settings } from "../core/env.ts";
import { deriveKey } from "../core/secrets.ts";

const ISSUER = "sluice";
const ALGORITHM = "HS256";

/** What counts is the session's row; the claims beyond `jti` and `sub` are for clients that look inside. */
const Claims = z.object({
  jti: z.string().min(1).max(64),
  sub: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
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
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setIssuer(ISSUER)
    .setAudience(Face.options)
    .setSubject(String(token.user_id))
    .setJti(token.session)
    .setIssuedAt(Math.floor(token.issued_at / 1000))
    .setExpirationTime(Math.floor(token.expires_at / 1000))
    .sign(await deriveKey(settings, "session tokens v1"));
}

/** Null for anything that is not a token of ours for this face, at this time. */
export async function verifyToken(settings: Settings, token: string, face: Face, now: number): Promise<Claims | null> {
  try {
    const { payload } = await jwtVerify(token, await deriveKey(settings, "session tokens v1"), {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: face,
      requiredClaims: ["exp", "iat", "sub", "jti"],
      currentDate: new Date(now),
    });
    const claims = Claims.safeParse(payload);
    return claims.success ? claims.data : null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
