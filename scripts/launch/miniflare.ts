/**
 * Miniflare by `require`. An `import` of this CommonJS package, which does not say what it is, has Node parse its six
 * megabytes an extra time to find out: a tenth of a second of every start.
 */
import { createRequire } from "node:module";

const api: typeof import("miniflare") = createRequire(import.meta.url)("miniflare");

export const { convertV4MiniflareOptions, Log, LogLevel, fetch, Miniflare, Response } = api;
