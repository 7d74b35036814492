/** What the S3 of the tests keeps: objects and pending uploads of one bucket, their bytes in files, with S3's rules. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { S3Problem } from "./s3-problem.ts";

/** R2's and S3's, of each part but the last. */
const PART_MIN_BYTES = 5 * 1024 * 1024;
const PARTS_MAX = 10_000;

/** Bytes in a file. `etag` with its quotes. */
type Stored = { file: string; size: number; etag: string };
export type StoredObject = Stored & { key: string; modified_at: number; content_type: string };
export type PendingUpload = {
  key: string;
  upload_id: string;
  started_at: number;
  content_type: string;
  parts: Map<number, Stored>;
};

export class S3Store {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, PendingUpload>();
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #now: () => number;
  #bytes = 0;

  /** `maxBytes`: of all that is kept, so that no test fills the disk. */
  constructor(folder: string, maxBytes: number, now: () => number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** Writes a body to a file; `sha256`: what it must hash to. A body that ends early or fails leaves nothing. */
  async receive(body: AsyncIterable<Buffer>, sha256: string | null): Promise<Stored> {
    await mkdir(this.#folder, { recursive: true });
    const file = path.join(this.#folder, randomUUID());
    const md5 = createHash("md5");
    const sha = createHash("sha256");
    const handle = await open(file, "w");
    let size = 0;
    try {
      for await (const chunk of body) {
        if (this.#bytes + size + chunk.length > this.#maxBytes) throw new S3Problem(507, "QuotaExceeded", "Full");
        await handle.write(chunk);
        md5.update(chunk);
        sha.update(chunk);
        size += chunk.length;
      }
      checkHash(sha.digest("hex"), sha256);
    } catch (error) {
      await handle.close();
      await rm(file, { force: true });
      throw error;
    }
    await handle.close();
    this.#bytes += size;
    return { file, size, etag: `"${md5.digest("hex")}"` };
  }

  /** A body that is text, checked in the same way. */
  async text(body: AsyncIterable<Buffer>, sha256: string | null, maxBytes: number): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes) throw new S3Problem(400, "EntityTooLarge", "The body is too large");
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    checkHash(createHash("sha256").update(bytes).digest("hex"), sha256);
    return bytes.toString();
  }

  object(key: string): StoredObject {
    const found = this.objects.get(key);
    if (!found) throw new S3Problem(404, "NoSuchKey", "The object does not exist");
    return found;
  }

  async put(key: string, stored: Stored, content_type: string): Promise<StoredObject> {
    const before = this.objects.get(key);
    const object = { ...stored, key, content_type, modified_at: this.#now() };
    this.objects.set(key, object);
    if (before) await this.#forget(before);
    return object;
  }

  async remove(key: string): Promise<void> {
    const found = this.objects.get(key);
    if (!found) return;
    this.objects.delete(key);
    await this.#forget(found);
  }

  create(key: string, content_type: string): PendingUpload {
    const upload = { key, upload_id: randomUUID(), started_at: this.#now(), content_type, parts: new Map() };
    this.uploads.set(upload.upload_id, upload);
    return upload;
  }

  upload(key: string, upload_id: string): PendingUpload {
    const found = this.uploads.get(upload_id);
    if (found?.key !== key) throw new S3Problem(404, "NoSuchUpload", "The upload does not exist");
    return found;
  }

  async putPart(upload: PendingUpload, n: number, stored: Stored): Promise<void> {
    const before = upload.parts.get(n);
    upload.parts.set(n, stored);
    if (before) await this.#forget(before);
  }

  async abort(upload: PendingUpload): Promise<void> {
    this.uploads.delete(upload.upload_id);
    for (const part of upload.parts.values()) await this.#forget(part);
  }

  /** Joins the parts named; those not named are dropped. */
  async complete(upload: PendingUpload, named: readonly { n: number; etag: string }[]): Promise<StoredObject> {
    const parts = checkParts(upload, named);
    // From here on it is taken: a second one asks for an upload that is not there.
    this.uploads.delete(upload.upload_id);
    const file = path.join(this.#folder, randomUUID());
    const md5 = createHash("md5");
    for (const [index, part] of parts.entries()) {
      md5.update(Buffer.from(part.etag.slice(1, -1), "hex"));
      if (index === 0) await rename(part.file, file);
      else await pipeline(createReadStream(part.file), createWriteStream(file, { flags: "a" }));
    }
    const kept = new Set(parts);
    for (const part of upload.parts.values()) {
      if (!kept.has(part)) this.#bytes -= part.size;
      await rm(part.file, { force: true });
    }
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const etag = `"${md5.digest("hex")}-${parts.length}"`;
    return this.put(upload.key, { file, size, etag }, upload.content_type);
  }

  /** For tests that need an object to be there. */
  async seed(key: string, bytes: Uint8Array, content_type: string, modified_at: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const file = path.join(this.#folder, randomUUID());
    await writeFile(file, bytes);
    this.#bytes += bytes.length;
    const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
    this.objects.set(key, { key, file, size: bytes.length, etag, content_type, modified_at });
  }

  async #forget(stored: Stored): Promise<void> {
    this.#bytes -= stored.size;
    await rm(stored.file, { force: true });
  }
}

/** R2's rules, which are stricter than S3's: all parts but the last are of one size. */
function checkParts(upload: PendingUpload, named: readonly { n: number; etag: string }[]): Stored[] {
  if (named.length === 0 || named.length > PARTS_MAX) throw new S3Problem(400, "MalformedXML", "1 to 10000 parts");
  const parts = named.map(({ n, etag }, index) => {
    const previous = named[index - 1]?.n ?? 0;
    if (n <= previous) throw new S3Problem(400, "InvalidPartOrder", "Parts must be named in ascending order");
    const part = upload.parts.get(n);
    if (!part || part.etag !== quoted(etag)) throw new S3Problem(400, "InvalidPart", `Part ${n} was not uploaded so`);
    return part;
  });
  const whole = parts.slice(0, -1);
  const [first] = parts;
  if (whole.some(({ size }) => size < PART_MIN_BYTES)) {
    throw new S3Problem(400, "EntityTooSmall", "A part but the last is smaller than 5 MiB");
  }
  if (first && (whole.some(({ size }) => size !== first.size) || (parts.at(-1)?.size ?? 0) > first.size)) {
    throw new S3Problem(400, "InvalidPart", "All parts but the last must be of one size, and none larger");
  }
  return parts;
}

const quoted = (etag: string) => (etag.startsWith('"') ? etag : `"${etag}"`);

function checkHash(hash: string, expected: string | null): void {
  if (expected === null || hash === expected) return;
  throw new S3Problem(400, "XAmzContentSHA256Mismatch", "The body does not hash to x-amz-content-sha256");
}
