/** The data folder: made when absent, used by one Sluice at a time, and home of the generated secret. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LaunchError, messageOf } from "./errors.ts";

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/**
 * When a process started, as the kernel tells it (proc(5), field 22): tells a process from a later one with its id. A
 * killed one that nobody has asked after yet (a zombie) uses nothing any more.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined; // no such process, or no /proc
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Like `mkdir -p`. Node's own `recursive` never returns where a file system takes no folders (in /proc, for example). */
function makeFolder(folder: string, mode = 0o777): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    const parent = path.dirname(folder);
    if (codeOf(error) !== "ENOENT" || existsSync(parent)) throw error;
    makeFolder(parent);
    mkdirSync(folder, { mode });
  }
}

/** Takes the folder for this process. Returns what gives it back; throws a `LaunchError` when somebody else has it. */
export function takeData(folder: string): () => void {
  try {
    // The database has hashes of passwords: of no concern to others on this machine.
    makeFolder(folder, 0o700);
    const lock = path.join(folder, "lock");
    if (existsSync(lock)) {
      const [pid = "", start = ""] = readFileSync(lock, "utf8").split(" ");
      const owner = Number(pid);
      const same = owner !== process.pid && isAlive(owner) && (startOf(owner) ?? "") === start;
      if (same) throw new LaunchError(`Another Sluice (process ${pid}) uses ${folder}: stop it, or set SLUICE_DATA`);
      rmSync(lock);
    }
    writeFileSync(lock, `${process.pid} ${startOf(process.pid) ?? ""}`, { flag: "wx" });
    return () => rmSync(lock, { force: true });
  } catch (error) {
    if (error instanceof LaunchError) throw error;
    throw new LaunchError(`SLUICE_DATA: ${folder} cannot be used: ${messageOf(error)}`);
  }
}

/** The secret of this data folder, made at the first start. Readable by its owner alone. */
export function keepSecret(folder: string): string {
  const file = path.join(folder, "secret");
  try {
    const secret = randomBytes(48).toString("base64url");
    writeFileSync(file, `${secret}\n`, { flag: "wx", mode: 0o600 });
    return secret;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const secret = readFileSync(file, "utf8").trim();
  if (secret.length < 32)
    throw new LaunchError(`${file} is damaged: restore it (what it sealed cannot be read without)`);
  return secret;
}
