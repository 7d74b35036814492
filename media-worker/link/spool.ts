/** Terminal reports on disk, one file each, until the control plane has taken them. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { JobReport } from "#contract/media";
import type { Log } from "../log.ts";

/** More than any outage fills; beyond it the oldest are given up. */
const FILES_MAX = 10_000;

export type Spooled = { file: string; report: JobReport };

export class Spool {
  readonly #folder: string;
  readonly #rejected: string;
  readonly #log: Log;
  /** What the disk did not take, by the name it would have: better than nothing. */
  readonly #unwritten = new Map<string, JobReport>();
  #count = 0;

  /** `folder` is made when it is not there. What a crash left half written is removed. */
  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#rejected = path.join(folder, "rejected");
    this.#log = log;
    mkdirSync(this.#rejected, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (name.endsWith(".tmp")) rmSync(path.join(folder, name));
    // Names sort by age; those of this process come after those of the one before.
    const last = this.#names().at(-1);
    this.#count = last === undefined ? 0 : Number.parseInt(last, 10) + 1;
  }

  /** On disk when it returns, or in memory when the disk fails. */
  add(report: JobReport): void {
    const name = `${String(this.#count++).padStart(12, "0")}.json`;
    const target = path.join(this.#folder, name);
    try {
      writeFileSync(`${target}.tmp`, JSON.stringify(report), { mode: 0o600, flush: true });
      renameSync(`${target}.tmp`, target);
    } catch (error) {
      this.#log.error({ err: error }, "report not spooled: it is lost if this process ends before it is taken");
      this.#unwritten.set(name, report);
    }
    const names = this.#names();
    for (const old of names.slice(0, Math.max(0, names.length - FILES_MAX))) {
      this.#log.error({ file: old }, "the spool is full: the oldest report is given up");
      this.taken(old);
    }
  }

  /** The oldest `limit` reports. Unreadable files are moved aside. */
  oldest(limit: number): Spooled[] {
    const found: Spooled[] = [];
    for (const file of this.#names().slice(0, limit)) {
      const report = this.#unwritten.get(file) ?? this.#read(file);
      if (report) found.push({ file, report });
      else this.reject(file, "unreadable");
    }
    return found;
  }

  isEmpty(): boolean {
    return this.#names().length === 0;
  }

  taken(file: string): void {
    if (this.#unwritten.delete(file)) return;
    rmSync(path.join(this.#folder, file), { force: true });
  }

  /** Moved aside for people to look at: asking again would not help. */
  reject(file: string, reason: string): void {
    this.#log.error({ file, reason }, "report refused for good");
    if (this.#unwritten.delete(file)) return;
    renameSync(path.join(this.#folder, file), path.join(this.#rejected, file));
  }

  #names(): string[] {
    const written = readdirSync(this.#folder).filter((name) => /^\d+\.json$/.test(name));
    return [...written, ...this.#unwritten.keys()].sort();
  }

  #read(file: string): JobReport | null {
    try {
      return JobReport.parse(JSON.parse(readFileSync(path.join(this.#folder, file), "utf8")));
    } catch (error) {
      this.#log.error({ err: error, file }, "spooled report cannot be read");
      return null;
    }
  }
}
