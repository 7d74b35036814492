/** `npm run dev`: builds what changed and puts it in place of what runs. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, watch } from "node:fs";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Edge } from "./edge.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Media } from "./media.ts";

const SOURCES = ["schema", "workers", "durable-objects", "media-worker", "web", "wrangler.toml", "vite.config.ts"];
/** Editors write a file in several steps. */
const QUIET_MS = 150;

/** What the bundler said is enough; the command line is not news. */
const outputOf = (error: unknown) =>
  error instanceof Error && "stderr" in error && error.stderr ? `\n${error.stderr}` : messageOf(error);

type Running = { root: string; edge: Edge; media: Media; log: Log };

/** Watches the sources until the process ends. */
export function watchSources({ root, edge, media, log }: Running): void {
  const say = (message: string, level: "info" | "error" = "info") => log.entry({ source: "sluice", level, message });
  const stamp = (part: string) => readFileSync(path.join(root, "dist/.stamps", `${part}.json`), "utf8");
  const stamps = () => ({ worker: stamp("worker") + stamp("web"), media: stamp("media-worker") });

  const rebuild = async () => {
    const before = stamps();
    const building = promisify(execFile)(process.execPath, [path.join(root, "scripts/build.mjs"), "--stale"], {
      cwd: root,
    });
    const abandon = () => building.child.kill();
    process.once("exit", abandon);
    await building.finally(() => process.off("exit", abandon));
    const after = stamps();
    if (before.worker !== after.worker) {
      await edge.reload();
      for (const name of await edge.migrate()) say(`Database: applied ${name}`);
      say("The control plane runs the new build");
    }
    if (before.media !== after.media) {
      await media.restart();
      say("The media worker runs the new build");
    }
  };

  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (busy) return changed();
      busy = true;
      await rebuild().catch((error: unknown) => say(outputOf(error), "error"));
      busy = false;
    }, QUIET_MS);
  };
  for (const source of SOURCES.map((name) => path.join(root, name)).filter(existsSync)) {
    watch(source, { recursive: true }, changed);
  }
  say("Watching the sources: a change is built and takes effect at once");
}
