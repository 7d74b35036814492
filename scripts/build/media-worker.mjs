/** The media worker: one bundle for the supervisor and the processes it starts from the same file. */
import { bundleForNode } from "./node-bundle.mjs";

/** @param {string} out */
export const buildMediaWorker = (out) => bundleForNode({ main: "media-worker/main.ts" }, out);
