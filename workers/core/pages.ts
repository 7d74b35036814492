/** Pages and static files. Which page a path shows is a table; the files are built from `web/`. */
import type { Context } from "hono";
import type { App, AppEnv } from "./app-env.ts";
import type { Settings } from "./env.ts";
import { ApiError } from "./errors.ts";
import { type Framing, pagePolicy, type Sources } from "./headers.ts";

type Page = { path: string; file: "index.html" | "embed.html" | "embed-vod.html" | "docs.html"; framing: Framing };

const app = (path: string): Page => ({ path, file: "index.html", framing: "nobody" });

export const PAGES: readonly Page[] = [
  app("/"),
  app("/login"),
  app("/register"),
  app("/dashboard"),
  app("/streams"),
  app("/live"),
  app("/library"),
  app("/chat"),
  app("/chat/:channel"),
  app("/account"),
  app("/account/security"),
  app("/account/keys"),
  app("/users"),
  app("/watch/:id"),
  app("/vod/:id"),
  { path: "/docs", file: "docs.html", framing: "nobody" },
  { path: "/embed/stream/:key", file: "embed.html", framing: "anybody" },
  { path: "/embed/vod/:id", file: "embed-vod.html", framing: "anybody" },
];

export function pageRoutes(on: App): void {
  for (const page of PAGES) on.get(page.path, (c) => servePage(c, page));
}

async function servePage(c: Context<AppEnv>, { file, framing }: Page): Promise<Response> {
  const response = await asset(c, `/${file}`);
  if (!response) throw new ApiError("not_found", "The pages are not built");
  const headers = new Headers(response.headers);
  headers.set("Content-Security-Policy", pagePolicy(framing, sources(c.var.ctx.settings)));
  headers.set("Cache-Control", "no-cache");
  return new Response(response.body, { status: response.status, headers });
}

/** What players load from besides us. */
function sources({ playback, s3 }: Settings): Sources {
  const bucket = s3?.publicEndpoint ? [new URL(s3.publicEndpoint).origin] : [];
  // Direct playback fetches from media workers, whose addresses are not known here.
  return { media: [...bucket, ...(playback === "direct" ? ["http:", "https:"] : [])], images: bucket };
}

/** Files under this have a hash of their content in the name. */
const HASHED = /^\/assets\//;

/** A static file, or null. Pages are reached by their paths only. */
export async function serveAsset(c: Context<AppEnv>): Promise<Response | null> {
  const { pathname } = new URL(c.req.url);
  if (pathname.startsWith("/api/") || !/\.[a-z0-9]+$/i.test(pathname) || pathname.endsWith(".html")) return null;
  const response = await asset(c, pathname);
  if (!response) return null;
  const headers = new Headers(response.headers);
  headers.set("Cache-Control", HASHED.test(pathname) ? "public, max-age=31536000, immutable" : "no-cache");
  return new Response(response.body, { status: response.status, headers });
}

async function asset(c: Context<AppEnv>, pathname: string): Promise<Response | null> {
  const headers = new Headers();
  const known = c.req.header("if-none-match");
  if (known) headers.set("If-None-Match", known);
  const url = new URL(pathname, c.req.url);
  const response = await c.env.ASSETS.fetch(new Request(url, { method: c.req.raw.method, headers }));
  if (response.status === 200 || response.status === 304) return response;
  await response.body?.cancel();
  return null;
}
