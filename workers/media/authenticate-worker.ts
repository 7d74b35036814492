import { eq } from "drizzle-orm";
import { decodeJwt, errors, importJWK, jwtVerify } from "jose";
import { media_workers } from "#tables/media";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

const AUDIENCE = "sluice-media";
/** A worker signs a new token for each request; a stolen one is worthless after a minute. */
const LIFETIME_MAX_S = 60;

/** The id of the media worker that signed the bearer token. Throws `unauthenticated`, without saying what was wrong. */
export async function authenticateWorker(ctx: Ctx, authorization: string | undefined): Promise<string> {
  const token = /^Bearer (\S{1,2048})$/.exec(authorization ?? "")?.[1];
  if (token === undefined) throw refused();
  try {
    const { sub } = decodeJwt(token);
    if (sub === undefined) throw refused();
    const worker = await ctx.db
      .select({ public_key: media_workers.public_key, revoked_at: media_workers.revoked_at })
      .from(media_workers)
      .where(eq(media_workers.id, sub))
      .get();
    if (!worker || worker.revoked_at !== null) throw refused();
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: worker.public_key }, "EdDSA");
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["EdDSA"],
      audience: AUDIENCE,
      subject: sub,
      maxTokenAge: LIFETIME_MAX_S,
      requiredClaims: ["exp", "iat"],
      clockTolerance: 5,
      currentDate: new Date(ctx.now()),
    });
    if ((payload.exp ?? Infinity) - (payload.iat ?? 0) > LIFETIME_MAX_S) throw refused();
    return sub;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused(error);
    throw error;
  }
}

const refused = (cause?: unknown) => new ApiError("unauthenticated", "The media worker is not known", { cause });
