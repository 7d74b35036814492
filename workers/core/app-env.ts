import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Face } from "#contract/identity";
import type { Authenticators } from "./authenticate.ts";
import type { Ctx } from "./context.ts";
import type { Env } from "./env.ts";
import type { Counted, Limiter } from "./limit.ts";

/** What the core needs of the nouns and objects; the entry hands it in, so the core imports neither. */
export type Services = { authenticators: Authenticators; limiter: Limiter };

/** What handlers find on Hono's context. */
export type AppEnv = {
  Bindings: Env;
  Variables: {
    requestId: string;
    ctx: Ctx;
    face: Face;
    services: Services;
    /** The limit that the call was counted against, if any. */
    counted?: Counted;
    /** A reply that was made with all its headers. */
    whole?: Response;
  };
};

/** A noun's `routes.ts` exports functions that declare its operations on this. */
export type App = OpenAPIHono<AppEnv>;
