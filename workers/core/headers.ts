/** Headers of every response: what browsers may do with it, and how long anyone may keep it. */

/** Who may show a page in a frame. */
export type Framing = "nobody" | "anybody";

/** Origins and schemes besides our own: players load `media`, pages show `images`. */
export type Sources = { media: readonly string[]; images: readonly string[] };

/**
 * Every page runs without inline script. Styles may be inline: the component library writes style attributes.
 */
export function pagePolicy(framing: Framing, { media, images }: Sources): string {
  const from = (sources: readonly string[]) => sources.map((source) => ` ${source}`).join("");
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    `img-src 'self' data: blob:${from(images)}`,
    "font-src 'self'",
    `connect-src 'self'${from(media)}`,
    `media-src 'self' blob:${from(media)}`,
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${framing === "nobody" ? "'none'" : "*"}`,
  ].join("; ");
}

/** For everything that is no page: if a browser shows it as one, it can do nothing. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

const ALWAYS = { "X-Content-Type-Options": "nosniff" } as const;
const BY_DEFAULT = { "Cache-Control": "no-store", "Referrer-Policy": "strict-origin-when-cross-origin" } as const;

/** All that `secure` would set for JSON. */
export const JSON_HEADERS = {
  "Content-Type": "application/json",
  ...ALWAYS,
  ...BY_DEFAULT,
  "Content-Security-Policy": DATA_POLICY,
  "X-Frame-Options": "DENY",
} as const;

/** Sets what the response does not say itself. `https` is asked for pages only. */
export function secure(headers: Headers, https: () => boolean): void {
  for (const [name, value] of Object.entries(ALWAYS)) headers.set(name, value);
  const setDefault = (name: string, value: string) => {
    if (!headers.has(name)) headers.set(name, value);
  };
  for (const [name, value] of Object.entries(BY_DEFAULT)) setDefault(name, value);
  const policy = headers.get("Content-Security-Policy");
  if (policy === null) headers.set("Content-Security-Policy", DATA_POLICY);
  if ((policy ?? DATA_POLICY).includes("frame-ancestors 'none'")) setDefault("X-Frame-Options", "DENY");
  const isPage = headers.get("Content-Type")?.startsWith("text/html") ?? false;
  if (isPage) {
    setDefault(
      "Permissions-Policy",
      "camera=(), geolocation=(), payment=(), usb=(), microphone=(self), display-capture=(self)",
    );
  }
  // Only pages, only over HTTPS, without subdomains: players on plain HTTP use the same host.
  if (isPage && https()) setDefault("Strict-Transport-Security", "max-age=31536000");
}
