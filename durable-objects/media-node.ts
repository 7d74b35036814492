import { DurableObject } from "cloudflare:workers";
import type { Env } from "../workers/core/env.ts";

/** The link of one media worker. */
export class MediaNode extends DurableObject<Env> {}
