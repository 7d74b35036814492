import { DurableObject } from "cloudflare:workers";
import type { Env } from "../workers/core/env.ts";

/** The live state of one stream. */
export class LiveStream extends DurableObject<Env> {}
