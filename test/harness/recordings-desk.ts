/**
 * The control plane's side of `/internal/media/recordings/…` for tests: opens, signs, is told and completes, against
 * the S3 of the tests. It holds the worker to the contract, and keeps what it was told.
 */
import { AwsClient } from "aws4fetch";
import {
  CompletePart,
  type CompleteReply,
  type Discard,
  OpenPart,
  type OpenReply,
  PartProgress,
  type ProgressReply,
  type Run,
  SIGN_LIFETIME_S,
  type SignReply,
  SignSlices,
  SLICE_BYTES,
  type Slice,
} from "#contract/recording";
import type { S3Stub } from "./s3-stub.ts";

type Reply = OpenReply | SignReply | ProgressReply | CompleteReply;
export type HandedIn = {
  part_id: string;
  worker_id: string;
  opened: OpenPart;
  key: string;
  upload_id: string;
  state: "uploading" | "done" | "truncated";
  /** As reported so far, by number; the first that was reported of each. */
  slices: Map<number, Slice>;
  runs: Run[];
  size: number;
  duration_ms: number;
  completed: CompletePart | null;
};

/** Answered as an error: the status. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class RecordingsDesk {
  /** By `stream-session-epoch-n`. */
  readonly parts = new Map<string, HandedIn>();
  /** Calls in order, e.g. `open`, with the part they were about once it is known. */
  readonly calls: { call: string; part: string | null }[] = [];
  /** The statuses of the next replies; what the call asks for is not done. */
  readonly status: number[] = [];
  /** Whether the worker is known to have had the session. */
  knows: (part: OpenPart) => boolean = () => true;
  /** Why a part is not wanted, by its name. */
  readonly unwanted = new Map<string, (typeof Discard)["_output"]["reason"]>();
  /** Of upload addresses. */
  lifetime_s = SIGN_LIFETIME_S;
  readonly #s3: S3Stub;

  constructor(s3: S3Stub) {
    this.#s3 = s3;
  }

  /** Throws `Refused`. */
  async answer(call: string, worker_id: string, body: unknown): Promise<Reply> {
    const entry = { call, part: null as string | null };
    this.calls.push(entry);
    const status = this.status.shift();
    if (status !== undefined) throw new Refused(status, "as told");
    if (call === "open") {
      const opened = OpenPart.parse(body);
      entry.part = nameOf(opened);
      return this.#open(entry.part, worker_id, opened);
    }
    const { part_id } = body as { part_id: string };
    const found = [...this.parts].find(([, part]) => part.part_id === part_id);
    if (!found) throw new Refused(404, "no such part");
    const [name, part] = found;
    entry.part = name;
    if (part.worker_id !== worker_id) throw new Refused(404, "another worker's part");
    const reason = this.unwanted.get(name);
    if (reason) return { keep: false, reason };
    switch (call) {
      case "sign":
        return this.#sign(part, SignSlices.parse(body));
      case "progress":
        return this.#progress(part, PartProgress.parse(body));
      case "complete":
        return this.#complete(part, CompletePart.parse(body));
      default:
        throw new Refused(404, "no such call");
    }
  }

  /** As for a worker that was away for too long: what was reported is all there will be. */
  async truncate(name: string): Promise<void> {
    const part = this.parts.get(name);
    if (!part) throw new Error(`no part ${name}`);
    await this.#s3.expire(part.upload_id);
    part.state = "truncated";
  }

  async #open(name: string, worker_id: string, opened: OpenPart): Promise<OpenReply> {
    const reason = this.unwanted.get(name);
    if (reason) return { keep: false, reason };
    if (!this.knows(opened)) throw new Refused(409, "the session is not known");
    const before = this.parts.get(name);
    if (before && before.worker_id !== worker_id) throw new Refused(404, "another worker's part");
    if (before) return { keep: true, part_id: before.part_id, vod: "vod_of_the_tests" };
    const key = `vods/${opened.session}/${opened.epoch}-${opened.n}.mp4`;
    const created = await this.#client.fetch(`${this.#url(key)}?uploads`, { method: "POST" });
    const upload_id = /<UploadId>([^<]+)</.exec(await created.text())?.[1];
    if (upload_id === undefined) throw new Refused(503, "S3 is away");
    const part_id = `part_${this.parts.size + 1}`;
    const rest = { slices: new Map(), runs: [], size: 0, duration_ms: 0, completed: null };
    this.parts.set(name, { part_id, worker_id, opened, key, upload_id, state: "uploading", ...rest });
    return { keep: true, part_id, vod: "vod_of_the_tests" };
  }

  async #sign(part: HandedIn, { from, count }: (typeof SignSlices)["_output"]): Promise<SignReply> {
    if (part.state !== "uploading") return { keep: false, reason: "deleted" };
    const numbers = Array.from({ length: count }, (_, index) => from + index);
    const urls = await Promise.all(
      numbers.map(async (n) => {
        const url = new URL(this.#url(part.key));
        url.search = new URLSearchParams({
          partNumber: String(n),
          uploadId: part.upload_id,
          "X-Amz-Expires": String(this.lifetime_s),
        }).toString();
        const signed = await this.#client.sign(url, { method: "PUT", aws: { signQuery: true } });
        return { n, url: signed.url };
      }),
    );
    return { keep: true, urls, expires_at: Date.now() + this.lifetime_s * 1000 };
  }

  #progress(part: HandedIn, { slices, first_run, runs, size, duration_ms }: PartProgress): ProgressReply {
    if (part.state === "done") return { keep: true };
    if (part.state === "truncated") return { keep: false, reason: "deleted" };
    if (first_run > part.runs.length) throw new Refused(400, "runs are missing");
    for (const slice of slices) {
      if (slice.size !== SLICE_BYTES && (slice.n - 1) * SLICE_BYTES + slice.size !== size) {
        throw new Refused(400, `slice ${slice.n} has a wrong size`);
      }
      part.slices.set(slice.n, slice);
    }
    part.runs.splice(first_run, runs.length, ...runs);
    part.size = size;
    part.duration_ms = duration_ms;
    return { keep: true };
  }

  async #complete(part: HandedIn, completed: CompletePart): Promise<CompleteReply> {
    if (part.state !== "uploading") return { keep: true, state: part.state };
    const { slices, runs, size } = completed;
    const uploaded = slices.reduce((sum, slice) => sum + slice.size, 0);
    const described = runs.reduce((sum, [bytes]) => sum + bytes, part.opened.header_bytes);
    if (uploaded !== size || described !== size || slices.some(({ n }, index) => n !== index + 1)) {
      throw new Refused(400, `slices of ${uploaded}, runs of ${described}, size ${size}`);
    }
    const xml = slices.map(({ n, etag }) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`);
    const reply = await this.#client.fetch(`${this.#url(part.key)}?uploadId=${part.upload_id}`, {
      method: "POST",
      body: `<CompleteMultipartUpload>${xml.join("")}</CompleteMultipartUpload>`,
    });
    const text = await reply.text();
    const worked = reply.ok || (text.includes("NoSuchUpload") && this.#s3.objects.get(part.key)?.size === size);
    if (!worked) throw new Refused(503, text);
    part.state = "done";
    part.completed = completed;
    return { keep: true, state: "done" };
  }

  get #client(): AwsClient {
    return new AwsClient({ ...this.#s3.credentials, service: "s3", retries: 0 });
  }

  #url(key: string): string {
    return `${this.#s3.endpoint}/${this.#s3.bucket}/${key}`;
  }
}

const nameOf = ({ stream_id, session, epoch, n }: OpenPart) => `${stream_id}-${session}-${epoch}-${n}`;
