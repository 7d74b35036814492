/** Chromium for end-to-end tests. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function chromiumPath(env: NodeJS.ProcessEnv = process.env, exists: (path: string) => boolean = existsSync) {
  const path = env.CHROMIUM_PATH ?? PLACES.find(exists);
  if (!path) throw new Error("no Chromium found: install it (Debian: apt install chromium) or set CHROMIUM_PATH");
  return path;
}

export type BrowserOptions = {
  /** False keeps the browser's own rule: sound only after the user did something. */
  autoplay?: boolean;
};

/** Headless, without a network of its own, allowed to play sound unasked. Close it with `browser.close()`. */
export async function launchBrowser({ autoplay = true }: BrowserOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      autoplay ? "--autoplay-policy=no-user-gesture-required" : "--autoplay-policy=document-user-activation-required",
    ],
  });
}
