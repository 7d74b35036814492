/** The operations of the S3 of the tests: a request named, carried out, and answered. */
import type { IncomingHttpHeaders } from "node:http";
import type { S3Operation } from "./s3-faults.ts";
import { elements, escapeXml, S3Problem, unescapeXml } from "./s3-problem.ts";
import type { S3Store, StoredObject } from "./s3-store.ts";

export type S3Call = {
  operation: S3Operation;
  method: string;
  path: string;
  query: URLSearchParams;
  bucket: string;
  /** Decoded; empty when the bucket itself is meant. */
  key: string;
  headers: IncomingHttpHeaders;
};

export type Answer = {
  status: number;
  headers?: Record<string, string>;
  xml?: string;
  /** Bytes `from` to `to` (both included) of a file. */
  file?: { path: string; from: number; to: number };
};

/** What is set for the bucket. */
export type BucketSettings = { bucket: string; pageSize: number; cors: string | null; lifecycle: string | null };

export type Context = {
  body: AsyncIterable<Buffer>;
  /** What the body must hash to. */
  sha256: string | null;
  store: S3Store;
  bucket: BucketSettings;
};

const XML_MAX_BYTES = 4 * 1024 * 1024;

export function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (method === "OPTIONS") return "Preflight";
  return (key === "" ? onBucket(method, query) : onObject(method, query)) ?? "Unknown";
}

function onBucket(method: string, query: URLSearchParams): S3Operation | undefined {
  if (query.has("cors")) {
    return ({ GET: "GetBucketCors", PUT: "PutBucketCors", DELETE: "DeleteBucketCors" } as const)[method as "GET"];
  }
  if (query.has("lifecycle")) {
    const names = { GET: "GetBucketLifecycleConfiguration", PUT: "PutBucketLifecycleConfiguration" } as const;
    return names[method as "GET"];
  }
  if (method === "GET") return query.has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
  if (method === "POST" && query.has("delete")) return "DeleteObjects";
  return method === "HEAD" ? "HeadBucket" : undefined;
}

function onObject(method: string, query: URLSearchParams): S3Operation | undefined {
  const upload = query.has("uploadId");
  switch (method) {
    case "POST":
      return upload ? "CompleteMultipartUpload" : query.has("uploads") ? "CreateMultipartUpload" : undefined;
    case "PUT":
      return upload ? "UploadPart" : "PutObject";
    case "DELETE":
      return upload ? "AbortMultipartUpload" : "DeleteObject";
    case "GET":
      return upload ? undefined : "GetObject";
    case "HEAD":
      return "HeadObject";
  }
}

export async function answerTo(call: S3Call, context: Context): Promise<Answer> {
  const { key, query, headers } = call;
  const { body, sha256, store, bucket } = context;
  const contentType = headers["content-type"] ?? "application/octet-stream";
  const uploadId = query.get("uploadId") ?? "";
  switch (call.operation) {
    case "CreateMultipartUpload": {
      await textOf(context);
      const { upload_id } = store.create(key, contentType);
      return xml(
        "InitiateMultipartUploadResult",
        tag("Bucket", bucket.bucket) + tag("Key", key) + tag("UploadId", upload_id),
      );
    }
    case "UploadPart": {
      const upload = store.upload(key, uploadId);
      const n = Number(query.get("partNumber"));
      if (!Number.isInteger(n) || n < 1 || n > 10_000) throw new S3Problem(400, "InvalidArgument", "partNumber");
      const stored = await store.receive(body, sha256);
      // It may have been completed or aborted meanwhile.
      await store.putPart(store.upload(key, upload.upload_id), n, stored);
      return { status: 200, headers: { etag: stored.etag } };
    }
    case "CompleteMultipartUpload": {
      const parts = elements(await textOf(context), "Part").map((part) => ({
        n: Number(elements(part, "PartNumber")[0]),
        etag: unescapeXml(elements(part, "ETag")[0] ?? ""),
      }));
      const { etag } = await store.complete(store.upload(key, uploadId), parts);
      return xml("CompleteMultipartUploadResult", tag("Bucket", bucket.bucket) + tag("Key", key) + tag("ETag", etag));
    }
    case "AbortMultipartUpload":
      await store.abort(store.upload(key, uploadId));
      return { status: 204 };
    case "PutObject": {
      const { etag } = await store.put(key, await store.receive(body, sha256), contentType);
      return { status: 200, headers: { etag } };
    }
    case "HeadObject":
    case "GetObject":
      return content(store.object(key), headers, query);
    case "DeleteObject":
      await store.remove(key);
      return { status: 204 };
    case "DeleteObjects": {
      const keys = elements(await textOf(context), "Key").map(unescapeXml);
      for (const each of keys) await store.remove(each);
      return xml("DeleteResult", keys.map((each) => `<Deleted>${tag("Key", each)}</Deleted>`).join(""));
    }
    case "ListObjectsV2":
      return listObjects(store, bucket, query);
    case "ListMultipartUploads":
      return listUploads(store, bucket, query);
    case "HeadBucket":
      return { status: 200 };
    case "GetBucketCors":
      return configuration(bucket.cors, "NoSuchCORSConfiguration");
    case "PutBucketCors":
      bucket.cors = withoutDeclaration(await textOf(context));
      return { status: 200 };
    case "DeleteBucketCors":
      bucket.cors = null;
      return { status: 204 };
    case "GetBucketLifecycleConfiguration":
      return configuration(bucket.lifecycle, "NoSuchLifecycleConfiguration");
    case "PutBucketLifecycleConfiguration":
      bucket.lifecycle = withoutDeclaration(await textOf(context));
      return { status: 200 };
    case "Preflight":
      throw new Error("a preflight is not signed, and answered elsewhere");
    case "Unknown":
      throw new S3Problem(405, "MethodNotAllowed", `${call.method} is not known here`);
    default:
      return call.operation satisfies never;
  }
}

function content(object: StoredObject, headers: IncomingHttpHeaders, query: URLSearchParams): Answer {
  const { size, etag, content_type, modified_at, file } = object;
  const disposition = query.get("response-content-disposition");
  const about: Record<string, string> = {
    etag,
    "last-modified": new Date(modified_at).toUTCString(),
    "accept-ranges": "bytes",
    "content-type": query.get("response-content-type") ?? content_type,
    ...(disposition !== null && { "content-disposition": disposition }),
  };
  const range = rangeOf(headers.range, size);
  if (!range) {
    const all = size > 0 ? { file: { path: file, from: 0, to: size - 1 } } : {};
    return { status: 200, headers: { ...about, "content-length": String(size) }, ...all };
  }
  const [from, to] = range;
  return {
    status: 206,
    headers: { ...about, "content-length": String(to - from + 1), "content-range": `bytes ${from}-${to}/${size}` },
    file: { path: file, from, to },
  };
}

/** Null: all of it. A range that is not understood is none. */
function rangeOf(header: string | undefined, size: number): [number, number] | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return null;
  const [first, last] = [match[1] ?? "", match[2] ?? ""];
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (from >= size || to < from) {
    throw new S3Problem(416, "InvalidRange", "The range lies outside the object", {
      "content-range": `bytes */${size}`,
    });
  }
  return [from, to];
}

function listObjects(store: S3Store, { bucket, pageSize }: BucketSettings, query: URLSearchParams): Answer {
  if (query.get("list-type") !== "2") throw new S3Problem(501, "NotImplemented", "Only ListObjectsV2");
  const prefix = query.get("prefix") ?? "";
  const token = query.get("continuation-token");
  const after = token === null ? (query.get("start-after") ?? "") : Buffer.from(token, "base64url").toString();
  const keys = [...store.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, Math.min(pageSize, Number(query.get("max-keys") ?? 1000)));
  const last = page.at(-1);
  const more = page.length < keys.length && last !== undefined;
  const contents = page.map((key) => {
    const { modified_at, etag, size } = store.object(key);
    const modified = tag("LastModified", new Date(modified_at).toISOString());
    return `<Contents>${tag("Key", key)}${modified}${tag("ETag", etag)}${tag("Size", String(size))}</Contents>`;
  });
  const next = more ? tag("NextContinuationToken", Buffer.from(last).toString("base64url")) : "";
  const head = tag("Name", bucket) + tag("Prefix", prefix) + tag("KeyCount", String(page.length));
  return xml("ListBucketResult", head + tag("IsTruncated", String(more)) + next + contents.join(""));
}

function listUploads(store: S3Store, { bucket, pageSize }: BucketSettings, query: URLSearchParams): Answer {
  const prefix = query.get("prefix") ?? "";
  const marker = [query.get("key-marker") ?? "", query.get("upload-id-marker") ?? ""].join("\n");
  const placeOf = ({ key, upload_id }: { key: string; upload_id: string }) => `${key}\n${upload_id}`;
  const found = [...store.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix) && placeOf(upload) > marker)
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const page = found.slice(0, Math.min(pageSize, Number(query.get("max-uploads") ?? 1000)));
  const last = page.at(-1);
  const more = page.length < found.length && last !== undefined;
  const uploads = page.map(({ key, upload_id, started_at }) => {
    const initiated = tag("Initiated", new Date(started_at).toISOString());
    return `<Upload>${tag("Key", key)}${tag("UploadId", upload_id)}${initiated}</Upload>`;
  });
  const next = more ? tag("NextKeyMarker", last.key) + tag("NextUploadIdMarker", last.upload_id) : "";
  const head = tag("Bucket", bucket) + tag("Prefix", prefix) + tag("IsTruncated", String(more));
  return xml("ListMultipartUploadsResult", head + next + uploads.join(""));
}

function configuration(text: string | null, missing: string): Answer {
  if (text === null) throw new S3Problem(404, missing, "There is no such configuration");
  return { status: 200, xml: text };
}

/** The body of a request that is text; its hash is checked. */
async function textOf({ body, sha256, store }: Context): Promise<string> {
  return store.text(body, sha256, XML_MAX_BYTES);
}

const withoutDeclaration = (text: string) => text.replace(/^\s*<\?xml[^>]*\?>\s*/, "");
const tag = (name: string, text: string) => `<${name}>${escapeXml(text)}</${name}>`;
const xml = (root: string, inner: string): Answer => ({ status: 200, xml: `<${root}>${inner}</${root}>` });
