/** Where to go after signing in: back to where one was, and never to another site. */

type Place = { pathname: string; search: string };

export function signInAddress({ pathname, search }: Place): string {
  const next = pathname + search;
  return next === "/" || pathname === "/login" ? "/login" : `/login?next=${encodeURIComponent(next)}`;
}

/** The path to go on to. Whatever would leave this origin (`//host`, `/\host`, a scheme) leads to `fallback`. */
export function nextPage(search: string, origin: string, fallback = "/streams"): string {
  const next = new URLSearchParams(search).get("next");
  if (!next?.startsWith("/")) return fallback;
  const url = URL.parse(next, origin);
  if (!url || url.origin !== origin || url.pathname === "/login") return fallback;
  // Dots may have been all that stood before `//host`.
  return url.pathname.startsWith("//") ? fallback : url.pathname + url.search + url.hash;
}
