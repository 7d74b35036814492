/** A part of a recording as a media worker hands it in: opened, uploaded slice by slice, completed. */
import type { PublishGrant } from "../../schema/contract/media.ts";
import { type OpenPart, type Run, SLICE_BYTES, type Slice } from "../../schema/contract/recording.ts";
import { bindings, call, type Reply } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";

const MIB = 1024 * 1024;
const HEADER_BYTES = MIB + 1500;

export type PartOptions = {
  n?: number;
  epoch?: string;
  started_at?: number;
  /** Whole runs of 3 MiB and 4 s. */
  runs?: number;
  video?: boolean;
};

export class TestPart {
  id = "";
  vod = "";
  readonly worker: TestMediaWorker;
  readonly runs: Run[];
  readonly size: number;
  readonly duration_ms: number;
  readonly slices: Slice[] = [];
  readonly #open: OpenPart;

  constructor(
    worker: TestMediaWorker,
    grant: Pick<PublishGrant, "stream_id" | "session" | "epoch">,
    { n = 0, epoch = grant.epoch, started_at = Date.now(), runs = 6, video = true }: PartOptions = {},
  ) {
    this.worker = worker;
    const audio = { kind: "audio", codec: "mp4a.40.2", sample_rate: 48_000, channels: 2 } as const;
    const picture = { kind: "video", codec: "avc1.64001f", width: 1280, height: 720, frame_rate: 30 } as const;
    this.#open = {
      stream_id: grant.stream_id,
      session: grant.session,
      epoch,
      n,
      started_at,
      tracks: video ? [picture, audio] : [audio],
      init_bytes: 1500,
      header_bytes: HEADER_BYTES,
    };
    this.runs = Array.from({ length: runs }, (): Run => [3 * MIB, 4000]);
    this.size = HEADER_BYTES + runs * 3 * MIB;
    this.duration_ms = runs * 4000;
  }

  async say(what: "open" | "sign" | "progress" | "complete", body: object, by = this.worker): Promise<Reply> {
    return call("POST", `/internal/media/recordings/${what}`, { token: await by.token(), body });
  }

  async open(by = this.worker): Promise<Reply> {
    const reply = await this.say("open", this.#open, by);
    if (reply.body?.keep) {
      this.id = reply.body.part_id;
      this.vod = reply.body.vod;
    }
    return reply;
  }

  /** How many slices all of it has. */
  get count(): number {
    return Math.ceil(this.size / SLICE_BYTES);
  }

  /** Uploads these slices (all without an argument), without saying so. */
  async upload(numbers = Array.from({ length: this.count }, (_, index) => index + 1)): Promise<void> {
    for (const n of numbers) {
      const { body } = await this.say("sign", { part_id: this.id, from: n, count: 1 });
      const size = Math.min(SLICE_BYTES, this.size - (n - 1) * SLICE_BYTES);
      const response = await (bindings.S3 ?? globalThis).fetch(body.urls[0].url, {
        method: "PUT",
        body: new Uint8Array(size).fill(n),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`slice ${n}: ${response.status}`);
      this.slices.push({ n, size, etag: response.headers.get("etag") ?? "" });
    }
  }

  progress(more: object = {}): Promise<Reply> {
    const { id: part_id, slices, runs, size, duration_ms } = this;
    return this.say("progress", { part_id, slices, first_run: 0, runs, size, duration_ms, ...more });
  }

  complete(more: object = {}, by = this.worker): Promise<Reply> {
    const { id: part_id, slices, runs, size, duration_ms } = this;
    return this.say("complete", { part_id, slices, runs, size, duration_ms, end: "finished", ...more }, by);
  }

  /** All of it. */
  async handIn(more: object = {}): Promise<Reply> {
    await this.open();
    await this.upload();
    return this.complete(more);
  }
}
