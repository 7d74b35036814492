/**
 * How far each running publish session has come, on disk, one file each. When the whole media worker is killed, the
 * one that starts next knows exactly where the streams stood: players follow numbers that go on without a gap.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { JobReport } from "#contract/media";
import type { Log } from "../log.ts";

const Entry = JobReport.omit({ body: true });
export type JournalEntry = Pick<JobReport, "job_id" | "attempt" | "lease" | "seq" | "progress">;

export class Journal {
  readonly #folder: string;
  readonly #log: Log;

  /** `folder` is made when it is not there. */
  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Survives this process, not the machine: nothing waits for the disk. */
  write(entry: JournalEntry): void {
    const file = this.#file(entry.job_id);
    try {
      writeFileSync(`${file}.tmp`, JSON.stringify(entry), { mode: 0o600 });
      renameSync(`${file}.tmp`, file);
    } catch (error) {
      this.#log.error({ err: error }, "progress not journalled");
    }
  }

  remove(job_id: string): void {
    rmSync(this.#file(job_id), { force: true });
  }

  /** What the process before this one left. */
  left(): JournalEntry[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const file = path.join(this.#folder, name);
      try {
        if (name.endsWith(".json")) return [Entry.parse(JSON.parse(readFileSync(file, "utf8")))];
      } catch (error) {
        this.#log.error({ err: error, file: name }, "journal entry cannot be read");
      }
      rmSync(file, { force: true });
      return [];
    });
  }

  #file(job_id: string): string {
    return path.join(this.#folder, `${encodeURIComponent(job_id)}.json`);
  }
}
