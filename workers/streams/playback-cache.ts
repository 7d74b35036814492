import { WorkerEntrypoint } from "cloudflare:workers";
import type { Env } from "../core/env.ts";

/** The only entrypoint whose responses may be stored. */
export class MediaCache extends WorkerEntrypoint<Env> {
  override async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  }
}
