/** Where to go after signing in: back to where one was, and never to another site. */

type Place = { pathname: string; search: string };
type EntryPage = "/login" | "/register";

const isEntryPage = (pathname: string): boolean => pathname === "/login" || pathname === "/register";

/** What one way in hands on to the other: where to go then, and the invite code for whoever comes back. */
const HANDED_ON = ["next", "code"] as const;

/** The other way in, which leads on to where this one would have. */
export function entryAddress(to: EntryPage, search: string): string {
  const given = new URLSearchParams(search);
  const query = HANDED_ON.flatMap((name) => {
    const value = given.get(name);
    return value ? `${name}=${encodeURIComponent(value)}` : [];
  });
  return query.length > 0 ? `${to}?${query.join("&")}` : to;
}

export function signInAddress({ pathname, search }: Place): string {
  if (pathname === "/register") return entryAddress("/login", search);
  const next = pathname + search;
  return next === "/" || pathname === "/login" ? "/login" : `/login?next=${encodeURIComponent(next)}`;
}

/** The path to go on to. Whatever would leave this origin (`//host`, `/\host`, a scheme) leads to `fallback`. */
export function nextPage(search: string, origin: string, fallback = "/streams"): string {
  const next = new URLSearchParams(search).get("next");
  if (!next?.startsWith("/")) return fallback;
  const url = URL.parse(next, origin);
  if (!url || url.origin !== origin || isEntryPage(url.pathname)) return fallback;
  // Dots may have been all that stood before `//host`.
  return url.pathname.startsWith("//") ? fallback : url.pathname + url.search + url.hash;
}
