/** What a `User-Agent` says of a browser, in words. Pure. */

/** The first that matches: each of them also claims to be those below it. */
const BROWSERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\b(?:Edg|EdgA|EdgiOS)\//, "Edge"],
  [/\b(?:OPR|OPiOS|OPT)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Headless)?Chrome\/|\b(?:Chromium|CriOS)\//, "Chrome"],
  [/\bVersion\/[\d.]+ .*Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPad\b/, "an iPad"],
  [/\b(?:iPhone|iPod)\b/, "an iPhone"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\b(?:Macintosh|Mac OS X)\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

const firstOf = (table: typeof BROWSERS, text: string): string | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

/** `Firefox on Linux`, `Safari on an iPhone`; `A browser` as far as it is not known. */
export function deviceOf(userAgent: string | null): string {
  const text = userAgent ?? "";
  const browser = firstOf(BROWSERS, text) ?? "A browser";
  const system = firstOf(SYSTEMS, text);
  return system ? `${browser} on ${system}` : browser;
}
