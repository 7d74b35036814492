/** Path tokens run out and are revoked. Playback goes on under a new one, without beginning anew. */
import type { Failure } from "./engine.ts";

/** hls.js knows media by the addresses that it first read; those under a token that is refused now are asked for anew. */
export class Renewal {
  renewing = false;
  readonly #stale = new Set<string>();
  #base = "";

  /** `known`, `fresh`: the same playlist under the first and the newest token. */
  renew(known: string, fresh: string): void {
    const folder = (url: string) => url.slice(0, url.lastIndexOf("/") + 1);
    this.#stale.add(folder(known));
    if (this.#base) this.#stale.add(this.#base);
    this.#base = folder(fresh);
    this.#stale.delete(this.#base);
  }

  apply(url: string): string {
    for (const stale of this.#stale) if (url.startsWith(stale)) return this.#base + url.slice(stale.length);
    return url;
  }
}

/** The one rendition that a fresh index names. */
export async function freshRendition(indexUrl: string): Promise<{ url: string } | { failure: Failure }> {
  try {
    const reply = await fetch(indexUrl, { signal: AbortSignal.timeout(8_000) });
    if (reply.status === 403) return { failure: "refused" };
    if (reply.status === 404) return { failure: "gone" };
    const uri = reply.ok ? /^[^#\s].*$/m.exec(await reply.text())?.[0] : undefined;
    return uri === undefined ? { failure: "network" } : { url: new URL(uri, reply.url).href };
  } catch {
    return { failure: "network" }; // no answer: the session tries again
  }
}
