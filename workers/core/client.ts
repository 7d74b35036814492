/** What a request says of its sender, believed only as far as the settings say. */
import { forwardedAddress, normalAddress } from "#kit/client-address";
import type { Settings } from "./env.ts";

/** Null when nobody vouches for the address: then all such clients count as one. */
export function clientAddress(request: Request, { trustProxy }: Settings): string | null {
  if (trustProxy === "cloudflare") return normalAddress(request.headers.get("cf-connecting-ip"));
  return trustProxy === 0 ? null : forwardedAddress(request.headers.get("x-forwarded-for"), trustProxy);
}

/** Whether the browser speaks HTTPS, to us or to the trusted proxy in front. */
export function isHttps(request: Request, { trustProxy }: Settings): boolean {
  if (typeof trustProxy === "number" && trustProxy > 0) {
    const protocol = request.headers.get("x-forwarded-proto");
    if (protocol !== null) return protocol.split(",").at(-1)?.trim().toLowerCase() === "https";
  }
  return request.url.startsWith("https:");
}

/** The origin that the browser sees, for absolute URLs in replies. */
export function publicOrigin(request: Request, settings: Settings): string {
  return settings.publicUrl ?? requestOrigin(request, settings);
}

function requestOrigin(request: Request, settings: Settings): string {
  // A proxy may name the port that browsers leave out.
  return new URL(`${isHttps(request, settings) ? "https" : "http"}://${new URL(request.url).host}`).origin;
}

export const isUpgrade = (request: Request): boolean => request.headers.get("upgrade")?.toLowerCase() === "websocket";

/**
 * Whether a browser sent this on behalf of another site. A client that sends neither header is no browser, and its
 * cookies are its own.
 */
export function isCrossOrigin(request: Request, settings: Settings): boolean {
  const origin = request.headers.get("origin");
  if (origin !== null) return origin !== requestOrigin(request, settings) && origin !== settings.publicUrl;
  const site = request.headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none";
}
