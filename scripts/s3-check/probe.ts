/** Does with the bucket what Sluice does, on objects of its own, and removes them. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Bucket, Call, Reply } from "./bucket.ts";
import { ask } from "./bucket.ts";
import { isUnsupported, NO_API, refusal } from "./explain.ts";
import { type Finding, Trouble } from "./finding.ts";

/** The least that S3 takes of a slice that is not the last. */
const SLICE_BYTES = 5 * 1024 * 1024;

export class Probe {
  readonly #bucket: Bucket;
  readonly #prefix = `vods/_check/${randomUUID()}`;
  readonly #objects = new Set<string>();
  readonly #uploads = new Map<string, string>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** A signed request that must succeed; `operation` is what a policy calls it. Throws `Trouble`. */
  async #do(operation: string, key: string, call: Call): Promise<Reply> {
    return this.#well(operation, await this.#bucket.call(key, call));
  }

  #well(operation: string, reply: Reply): Reply {
    // A CompleteMultipartUpload that fails may say so with a 200.
    if (reply.status >= 200 && reply.status < 300 && !reply.text.includes("<Error>")) return reply;
    throw refusal(operation, reply, this.#bucket.settings);
  }

  /** Whether the keys open the bucket. Every fault of settings shows here first. */
  async list(): Promise<Finding[]> {
    const query = { "list-type": "2", "max-keys": "1", prefix: "vods/" };
    const { text } = await this.#do("s3:ListBucket", "", { query });
    if (!text.includes("<ListBucketResult")) {
      throw new Trouble("This is no S3: it answers something else than a list of objects", NO_API, true);
    }
    return [
      { check: "bucket", verdict: "ok", message: `${this.#bucket.settings.bucket} is there, and the keys open it` },
    ];
  }

  /** An object of four bytes that stays until the clean-up. */
  async put(name: string): Promise<string> {
    const key = `${this.#prefix}/${name}`;
    this.#objects.add(key);
    await this.#do("s3:PutObject", key, { method: "PUT", body: "0123" });
    return key;
  }

  async object(): Promise<Finding[]> {
    const key = await this.put("object");
    const whole = await this.#do("s3:GetObject", key, {});
    if (whole.text !== "0123") throw new Trouble("It gives back other bytes than it was given", "Look into the server");
    const part = await this.#do("s3:GetObject", key, { headers: { range: "bytes=1-2" } });
    if (part.status !== 206 || part.text !== "12") {
      throw new Trouble("It does not answer ranges", "Recordings cannot be played from this S3: use another one");
    }
    await this.#do("s3:DeleteObject", key, { method: "DELETE" });
    const gone = await this.#bucket.call(key);
    if (gone.status !== 404) {
      const todo = "Allow s3:ListBucket: without it S3 says 403 of objects that are not there";
      throw new Trouble(`A removed object answers ${gone.status} instead of 404`, todo);
    }
    this.#objects.delete(key);
    return [{ check: "object", verdict: "ok", message: "Objects can be written, read in ranges and removed" }];
  }

  async presigned(): Promise<Finding[]> {
    const key = `${this.#prefix}/presigned`;
    this.#objects.add(key);
    const put = await ask(await this.#bucket.presign("PUT", key), { method: "PUT", body: "0123" });
    this.#well("s3:PutObject by a presigned address", put);
    const got = await ask(await this.#bucket.presign("GET", key), { headers: { range: "bytes=2-3" } });
    this.#well("s3:GetObject by a presigned address", got);
    return [{ check: "presigned", verdict: "ok", message: "Presigned addresses write and read" }];
  }

  /** As a media worker uploads: equal slices by presigned addresses, the first of them a second time. */
  async multipart(): Promise<Finding[]> {
    const key = `${this.#prefix}/multipart`;
    const slice = randomBytes(SLICE_BYTES);
    const upload = await this.#begin(key);
    const etags = new Map<number, string>();
    for (const n of [1, 2, 1]) {
      const url = await this.#bucket.presign("PUT", key, { query: { partNumber: String(n), uploadId: upload } });
      const reply = this.#well("s3:PutObject of a slice", await ask(url, { method: "PUT", body: slice }));
      etags.set(n, reply.headers.get("etag") ?? "");
    }
    const parts = [...etags].map(([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`);
    this.#objects.add(key);
    await this.#do("s3:PutObject (CompleteMultipartUpload)", key, {
      method: "POST",
      query: { uploadId: upload },
      headers: { "content-type": "application/xml" },
      body: `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`,
    });
    this.#uploads.delete(upload);
    const { headers } = await this.#do("s3:GetObject", key, { method: "HEAD" });
    if (headers.get("content-length") !== String(2 * SLICE_BYTES)) {
      throw new Trouble("An upload in slices came out with another size", "Look into the server, or use another one");
    }
    await this.#abort(key, await this.#begin(key));
    return [{ check: "multipart", verdict: "ok", message: "Uploads in slices can be made and abandoned" }];
  }

  /** Whether the daily sweep can find uploads that were left behind. */
  async sweep(): Promise<Finding[]> {
    const check = "sweep";
    const reply = await this.#bucket.call("", { query: { uploads: "", prefix: "vods/", "max-uploads": "1" } });
    if (isUnsupported(reply)) {
      const message = "This S3 does not list uploads: those left behind cannot be found, here or by the daily sweep";
      return [{ check, verdict: "unknown", message }];
    }
    this.#well("s3:ListBucketMultipartUploads", reply);
    return [{ check, verdict: "ok", message: "The daily sweep finds uploads that were left behind" }];
  }

  async #begin(key: string): Promise<string> {
    const { text } = await this.#do("s3:PutObject (CreateMultipartUpload)", key, {
      method: "POST",
      query: { uploads: "" },
      headers: { "content-type": "video/mp4" },
    });
    const upload = /<UploadId>([^<]+)<\/UploadId>/.exec(text)?.[1];
    if (upload === undefined) throw new Trouble("It began an upload without naming it", "Look into the server");
    this.#uploads.set(upload, key);
    return upload;
  }

  async #abort(key: string, upload: string): Promise<void> {
    await this.#do("s3:AbortMultipartUpload", key, { method: "DELETE", query: { uploadId: upload } });
    this.#uploads.delete(upload);
  }

  /** Removes what is left of the probe. */
  async cleanUp(): Promise<Finding[]> {
    for (const [upload, key] of this.#uploads) await this.#abort(key, upload);
    for (const key of this.#objects) await this.#do("s3:DeleteObject", key, { method: "DELETE" });
    return [{ check: "clean-up", verdict: "ok", message: "Nothing of this check is left in the bucket" }];
  }

  /** Where the rest of the probe lies, when it could not be removed. */
  get prefix(): string {
    return this.#prefix;
  }
}
