/** Many publishers in one process that costs little (`replay.ts`), as a child of the measurement. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

export type Publishers = {
  /** One of them was dropped. */
  failed(): boolean;
  /** They go away without a farewell, as a crash does. */
  stop(): void;
};

/** Pushes `clip` to every one of `urls`, over and over in real time. Resolves when all publish. */
export async function startPublishers(clip: string, urls: string[]): Promise<Publishers> {
  const script = path.join(import.meta.dirname, "replay.ts");
  const child: ChildProcess = spawn(process.execPath, [script, clip, ...urls], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the publishers ended with ${code}`)));
  });
  return { failed: () => child.exitCode !== null, stop: () => void child.kill("SIGTERM") };
}
