/** An uploader with everything around it that it needs: a spool, a control plane, an S3. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { Identity } from "../../media-worker/link/identity.ts";
import type { UploadTiming } from "../../media-worker/upload/timing.ts";
import { Uploads } from "../../media-worker/upload/uploads.ts";
import { ControlPlane } from "./control-plane.ts";
import { RecordingsDesk } from "./recordings-desk.ts";
import { S3Stub } from "./s3-stub.ts";
import { SpooledPart, sha256 } from "./spooled-part.ts";

/** Minutes shortened to moments. */
export const QUICK: Partial<UploadTiming> = { retry: { first: 20, most: 200 }, scan: 100, progress: 200 };

export const MIB = 1024 * 1024;

export const until = (check: () => void | Promise<void>, timeout = 20_000) =>
  vi.waitFor(check, { timeout, interval: 10 });

export type LogLine = { level: string; about: Record<string, unknown>; message: string };

export class UploadWorld {
  readonly data = mkdtempSync(path.join(tmpdir(), "sluice-uploads-"));
  readonly spool = path.join(this.data, "spool");
  readonly recordings = path.join(this.spool, "recordings");
  readonly s3 = new S3Stub();
  readonly desk = new RecordingsDesk(this.s3);
  readonly control = new ControlPlane();
  readonly lines: LogLine[] = [];
  readonly #expected = new Map<string, string>();
  #identity: Identity | null = null;

  /** Gone, with all it began, when the test is finished. */
  static async start(): Promise<UploadWorld> {
    const world = new UploadWorld();
    onTestFinished(async () => {
      await world.control.stop();
      await world.s3.close();
      rmSync(world.data, { recursive: true, force: true, maxRetries: 5 });
    });
    world.control.recordings = world.desk;
    await world.s3.start();
    await world.control.start();
    const token = "enrolment-token-of-the-tests";
    world.#identity = await Identity.enrol({ dataDir: world.data, controlUrl: world.control.url, token, name: "m" });
    return world;
  }

  async uploads(timing: Partial<UploadTiming> = QUICK): Promise<Uploads> {
    const line = (level: string) => (about: unknown, message?: string) => {
      const [fields, text] =
        typeof about === "string" ? [{}, about] : [about as Record<string, unknown>, message ?? ""];
      this.lines.push({ level, about: fields, message: text });
    };
    const uploads = new Uploads({
      spool: this.spool,
      controlUrl: this.control.url,
      token: async () => this.#identity?.token(Date.now()) ?? null,
      log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
      timing,
    });
    onTestFinished(() => uploads.stop(0));
    await uploads.start();
    return uploads;
  }

  part(about?: ConstructorParameters<typeof SpooledPart>[1]): SpooledPart {
    return new SpooledPart(this.recordings, about);
  }

  /** A sealed part of so many bytes in fragments of a second, which must become one object. */
  recorded(bytes: number, seconds = 1, about?: ConstructorParameters<typeof SpooledPart>[1]): SpooledPart {
    return this.expects(this.part(about).grow(bytes, seconds).seal());
  }

  /** Names of the parts' folders in the spool. */
  folders(): string[] {
    return readdirSync(this.recordings);
  }

  /** Numbers of the slices that S3 was sent, in order. */
  slicesPut(): number[] {
    return this.s3.asked("UploadPart").map(({ query }) => Number(query.partNumber));
  }

  /** Notes what the sealed part must become; all its slices must be on disk still. */
  expects(part: SpooledPart): SpooledPart {
    this.#expected.set(part.name, sha256(part.bytes()));
    return part;
  }

  /** Waits until every part that is expected is one object with exactly its bytes, and nothing is left over. */
  async allHandedIn(timeout = 30_000): Promise<void> {
    await vi.waitFor(
      () =>
        expect(
          [...this.desk.parts]
            .filter(([, { state }]) => state === "done")
            .map(([name]) => name)
            .sort(),
        ).toEqual([...this.#expected.keys()].sort()),
      { timeout, interval: 20 },
    );
    for (const [name, hash] of this.#expected) {
      const key = this.desk.parts.get(name)?.key ?? "";
      expect(sha256(await this.s3.read(key)), name).toBe(hash);
    }
    expect(this.s3.objects.size).toBe(this.#expected.size);
    expect(this.s3.uploads).toEqual([]);
  }
}
