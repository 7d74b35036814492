/** The bucket of recordings: multipart uploads, presigned addresses, ranges, lists. SigV4 by aws4fetch. */
import { AwsClient } from "aws4fetch";
import { attachment } from "./content-disposition.ts";
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { S3Settings } from "./s3-settings.ts";
import { S3Error, type S3Request, S3Transport } from "./s3-transport.ts";
import { childrenOf, escapeXml, textOf, type XmlElement, XmlError } from "./xml.ts";

export { S3Error };

export type StoredObject = { key: string; size: number; modified_at: number };
export type PendingUpload = { key: string; upload_id: string; started_at: number };

export type UploadedSlice = { n: number; size: number; etag: string };

/** Codes by which S3 says that an upload cannot be completed of these slices, now or later. */
export const REFUSES_SLICES: ReadonlySet<string> = new Set([
  "InvalidPart",
  "InvalidPartOrder",
  "EntityTooSmall",
  "MalformedXML",
  "InvalidRequest",
]);

/** Every call rejects with `S3Error`. Keys are without a leading slash. */
export type ObjectStore = {
  /** Begins a multipart upload; returns its id. */
  createUpload(key: string, contentType: string): Promise<string>;
  /** Where to `PUT` slice `n` for so many seconds. */
  presignSlice(key: string, uploadId: string, n: number, seconds: number): Promise<string>;
  completeUpload(key: string, uploadId: string, slices: readonly { n: number; etag: string }[]): Promise<void>;
  /** What of an upload is there, in order. Null: this S3 cannot say, or there is no such upload. */
  listSlices(key: string, uploadId: string): Promise<UploadedSlice[] | null>;
  /** An upload that is not there (any more) is fine. */
  abortUpload(key: string, uploadId: string): Promise<void>;
  /** Null: no such object. */
  head(key: string): Promise<{ size: number } | null>;
  /** 200, or 206 for a `range` (a `Range` header's value). No such object is status 404, a range outside of it 416. */
  get(key: string, range: string | null, signal?: AbortSignal): Promise<Response>;
  /** `filename`: browsers save it under that name. `public` (for browsers) needs a public endpoint. */
  presignGet(key: string, options: { seconds: number; filename?: string; to: "public" | "internal" }): Promise<string>;
  /** The `PUT` must come with exactly this `Content-Type`. */
  presignPut(key: string, options: { seconds: number; contentType: string }): Promise<string>;
  /** An object that is not there is fine. */
  remove(key: string): Promise<void>;
  list(prefix: string, cursor?: string): Promise<{ objects: StoredObject[]; cursor: string | null }>;
  /** Null: this S3 cannot list uploads. */
  listUploads(prefix: string, cursor?: string): Promise<{ uploads: PendingUpload[]; cursor: string | null } | null>;
};

/** Clients keep their derived keys. */
const clients = new WeakMap<S3Settings, AwsClient>();

/** Throws `storage_unavailable` when no bucket is configured. */
export function objectStore(ctx: Pick<Ctx, "env" | "settings">): ObjectStore {
  const { s3 } = ctx.settings;
  if (!s3) throw new ApiError("storage_unavailable", "No storage for recordings is configured");
  const { accessKeyId, secretAccessKey, region } = s3;
  const client = clients.get(s3) ?? new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  clients.set(s3, client);
  return new Bucket(s3, client, new S3Transport(client, ctx.env.S3));
}

class Bucket implements ObjectStore {
  readonly #settings: S3Settings;
  readonly #client: AwsClient;
  readonly #transport: S3Transport;

  constructor(settings: S3Settings, client: AwsClient, transport: S3Transport) {
    this.#settings = settings;
    this.#client = client;
    this.#transport = transport;
  }

  createUpload(key: string, contentType: string): Promise<string> {
    const request = {
      operation: "CreateMultipartUpload",
      method: "POST",
      url: this.#url(key, { uploads: "" }),
      headers: { "content-type": contentType },
    } as const;
    return this.#transport.document(request, "InitiateMultipartUploadResult", (reply) => needed(reply, "UploadId"));
  }

  presignSlice(key: string, uploadId: string, n: number, seconds: number): Promise<string> {
    return this.#presign("PUT", this.#url(key, { partNumber: String(n), uploadId }), seconds);
  }

  completeUpload(key: string, uploadId: string, slices: readonly { n: number; etag: string }[]): Promise<void> {
    const parts = slices.map(
      ({ n, etag }) => `<Part><PartNumber>${n}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
    );
    const request = {
      operation: "CompleteMultipartUpload",
      method: "POST",
      url: this.#url(key, { uploadId }),
      headers: { "content-type": "application/xml" },
      body: `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`,
    } as const;
    return this.#transport.document(request, "CompleteMultipartUploadResult", () => undefined);
  }

  async listSlices(key: string, uploadId: string): Promise<UploadedSlice[] | null> {
    const slices: UploadedSlice[] = [];
    for (let marker: string | null = "0"; marker !== null; ) {
      const url = this.#url(key, { uploadId, "part-number-marker": marker });
      const page = await this.#ifSupported(
        { operation: "ListParts", method: "GET", url },
        "ListPartsResult",
        (reply) => ({
          slices: childrenOf(reply, "Part").map((each) => ({
            n: sizeOf(each, "PartNumber"),
            size: sizeOf(each, "Size"),
            etag: needed(each, "ETag"),
          })),
          next: isTruncated(reply) ? needed(reply, "NextPartNumberMarker") : null,
        }),
      );
      if (!page) return null;
      slices.push(...page.slices);
      // A service that repeats itself would never come to an end.
      marker = page.next !== null && Number(page.next) > Number(marker) ? page.next : null;
    }
    return slices;
  }

  abortUpload(key: string, uploadId: string): Promise<void> {
    const url = this.#url(key, { uploadId });
    return this.#goneIsFine({ operation: "AbortMultipartUpload", method: "DELETE", url });
  }

  async head(key: string): Promise<{ size: number } | null> {
    const request = { operation: "HeadObject", method: "HEAD", url: this.#url(key) } as const;
    try {
      const length = (await this.#transport.headers(request)).get("content-length");
      if (length === null) throw new S3Error(request.operation, 200, "UnexpectedReply");
      return { size: Number(length) };
    } catch (error) {
      if (error instanceof S3Error && error.status === 404) return null;
      throw error;
    }
  }

  get(key: string, range: string | null, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = range === null ? {} : { range };
    return this.#transport.open({ operation: "GetObject", method: "GET", url: this.#url(key), headers }, signal);
  }

  presignGet(key: string, { seconds, filename, to }: Parameters<ObjectStore["presignGet"]>[1]): Promise<string> {
    const { endpoint, publicEndpoint } = this.#settings;
    const from = to === "public" ? publicEndpoint : endpoint;
    if (from === null) throw new Error("there is no public endpoint");
    const query: Record<string, string> =
      filename === undefined ? {} : { "response-content-disposition": attachment(filename) };
    return this.#presign("GET", this.#url(key, query, from), seconds);
  }

  presignPut(key: string, { seconds, contentType }: { seconds: number; contentType: string }): Promise<string> {
    return this.#presign("PUT", this.#url(key), seconds, { "content-type": contentType });
  }

  remove(key: string): Promise<void> {
    return this.#goneIsFine({ operation: "DeleteObject", method: "DELETE", url: this.#url(key) });
  }

  list(prefix: string, cursor?: string): Promise<{ objects: StoredObject[]; cursor: string | null }> {
    const query = { "list-type": "2", prefix, ...(cursor !== undefined && { "continuation-token": cursor }) };
    const request = { operation: "ListObjectsV2", method: "GET", url: this.#url("", query) } as const;
    return this.#transport.document(request, "ListBucketResult", (reply) => ({
      objects: childrenOf(reply, "Contents").map((each) => ({
        key: needed(each, "Key"),
        size: sizeOf(each, "Size"),
        modified_at: timeOf(each, "LastModified"),
      })),
      cursor: isTruncated(reply) ? needed(reply, "NextContinuationToken") : null,
    }));
  }

  async listUploads(prefix: string, cursor = ""): Promise<{ uploads: PendingUpload[]; cursor: string | null } | null> {
    const query = { uploads: "", prefix, ...Object.fromEntries(new URLSearchParams(cursor)) };
    const request = { operation: "ListMultipartUploads", method: "GET", url: this.#url("", query) } as const;
    return await this.#ifSupported(request, "ListMultipartUploadsResult", (reply) => ({
      uploads: childrenOf(reply, "Upload").map((each) => ({
        key: needed(each, "Key"),
        upload_id: needed(each, "UploadId"),
        started_at: timeOf(each, "Initiated"),
      })),
      cursor: isTruncated(reply) ? uploadsCursor(reply) : null,
    }));
  }

  /** Not every S3 lists uploads and what is in them. */
  async #ifSupported<T>(request: S3Request, root: string, read: (reply: XmlElement) => T): Promise<T | null> {
    try {
      return await this.#transport.document(request, root, read);
    } catch (error) {
      if (error instanceof S3Error && UNSUPPORTED.has(error.code)) return null;
      throw error;
    }
  }

  async #goneIsFine(request: S3Request): Promise<void> {
    try {
      await this.#transport.headers(request);
    } catch (error) {
      if (!(error instanceof S3Error && error.status === 404)) throw error;
    }
  }

  #url(key: string, query: Record<string, string> = {}, endpoint = this.#settings.endpoint): URL {
    const path = key.split("/").map(encodeURIComponent).join("/");
    const url = new URL(`${endpoint}/${this.#settings.bucket}${key === "" ? "" : `/${path}`}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** `headers` are signed too: the request must carry exactly them. */
  async #presign(method: string, url: URL, seconds: number, headers: Record<string, string> = {}): Promise<string> {
    url.searchParams.set("X-Amz-Expires", String(seconds));
    const signed = await this.#client.sign(url, { method, headers, aws: { signQuery: true, allHeaders: true } });
    const presigned = new URL(signed.url);
    // It was signed with %20; not every S3 reads a plus as a space.
    presigned.search = presigned.search.replaceAll("+", "%20");
    return presigned.href;
  }
}

const UNSUPPORTED: ReadonlySet<string> = new Set(["NotImplemented", "Http501", "MethodNotAllowed", "NoSuchUpload"]);

const isTruncated = (reply: XmlElement) => textOf(reply, "IsTruncated") === "true";

/** The markers of the next page, as a query string. */
const uploadsCursor = (reply: XmlElement) =>
  new URLSearchParams({
    "key-marker": needed(reply, "NextKeyMarker"),
    "upload-id-marker": textOf(reply, "NextUploadIdMarker") ?? "",
  }).toString();

function needed(element: XmlElement, name: string): string {
  const text = textOf(element, name);
  if (!text) throw new XmlError(`<${name}> is missing`);
  return text;
}

function sizeOf(element: XmlElement, name: string): number {
  const text = needed(element, name);
  if (!/^\d{1,15}$/.test(text)) throw new XmlError(`<${name}> is no size`);
  return Number(text);
}

function timeOf(element: XmlElement, name: string): number {
  const time = Date.parse(needed(element, name));
  if (Number.isNaN(time)) throw new XmlError(`<${name}> is no time`);
  return time;
}
