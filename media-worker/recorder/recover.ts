/** What a process killed at the wrong moment left: parts that nobody writes to any more. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Log } from "../log.ts";
import { isMissing } from "./part-files.ts";
import { sealPart } from "./seal.ts";

/**
 * Seals every unsealed part in `dir` as `crashed`, cut back to its last whole fragment; one without a fragment is
 * removed. Only while no live process records there. Returns the folders it sealed.
 */
export async function recoverParts(dir: string, log: Log): Promise<string[]> {
  const sealed: string[] = [];
  for (const name of await folders(dir)) {
    try {
      if ((await sealPart(path.join(dir, name), "crashed")) === "sealed") sealed.push(name);
    } catch (error) {
      log.error({ err: error, part: name }, "a recording that was left behind cannot be completed");
    }
  }
  return sealed;
}

async function folders(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
