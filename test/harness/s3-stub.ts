/**
 * An S3 of our own for tests: one bucket, path-style, SigV4 checked, multipart uploads by R2's strict rules, CORS and
 * lifecycle. It keeps what it was asked, and goes wrong as told.
 */
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { corsAnswer } from "./s3-cors.ts";
import { type Effect, type Fault, Faults, Line, type S3Operation } from "./s3-faults.ts";
import { type Answer, answerTo, operationOf, type S3Call } from "./s3-operations.ts";
import { document, S3Problem } from "./s3-problem.ts";
import { type Credentials, checkSignature } from "./s3-signature.ts";
import { type PendingUpload, S3Store, type StoredObject } from "./s3-store.ts";

export type { Fault, S3Operation } from "./s3-faults.ts";

export type S3Request = {
  operation: S3Operation;
  method: string;
  key: string;
  query: Record<string, string>;
  range: string | null;
  /** Of the body. */
  received_bytes: number;
  /** Null while it is served, and when its connection was cut. */
  status: number | null;
};

export type S3StubOptions = { bucket?: string; maxBytes?: number };

const GIB = 1024 ** 3;

export class S3Stub {
  readonly bucket: string;
  readonly credentials: Credentials = {
    region: "auto",
    accessKeyId: "access-key-of-the-tests",
    secretAccessKey: "secret-access-key-of-the-tests",
  };
  /** In the order in which they came. */
  readonly requests: S3Request[] = [];
  /** Answers 503 to everything. */
  unavailable = false;
  /** What its clock is ahead of ours. */
  skew_ms = 0;
  /** Of a page of a list. */
  pageSize = 1000;
  /** Answered with 501, as by services that do not have them. */
  readonly unsupported = new Set<S3Operation>();
  /** The configurations as XML. */
  cors: string | null = null;
  lifecycle: string | null = null;
  readonly line = new Line();
  readonly #faults = new Faults();
  readonly #folder = mkdtempSync(path.join(tmpdir(), "sluice-s3-"));
  readonly #store: S3Store;
  #server: Server | null = null;
  #port = 0;

  constructor({ bucket = "sluice", maxBytes = 2 * GIB }: S3StubOptions = {}) {
    this.bucket = bucket;
    this.#store = new S3Store(this.#folder, maxBytes, () => this.now());
  }

  /** `S3_ENDPOINT`; the same after it was away. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  now(): number {
    return Date.now() + this.skew_ms;
  }

  async start(): Promise<void> {
    // A body may take as long as it takes.
    const server = createServer({ requestTimeout: 0 }, (request, response) => void this.#serve(request, response));
    server.on("clientError", (_, socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Away: connections are reset and new ones refused, until `start`. What it stores stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.line.bytesPerSecond = null;
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** For a process that never closes it: it keeps none from ending, and leaves no files. */
  background(): void {
    this.#server?.unref();
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** Goes wrong for the next requests that match. */
  fault(fault: Fault): void {
    this.#faults.add(fault);
  }

  /** All is well from now on. */
  heal(): void {
    this.#faults.clear();
    this.unavailable = false;
    this.line.bytesPerSecond = null;
    this.skew_ms = 0;
  }

  get objects(): ReadonlyMap<string, StoredObject> {
    return this.#store.objects;
  }

  /** Multipart uploads that are neither complete nor aborted. */
  get uploads(): PendingUpload[] {
    return [...this.#store.uploads.values()];
  }

  /** The bytes of an object. */
  read(key: string): Promise<Buffer> {
    return readFile(this.#store.object(key).file);
  }

  put(key: string, bytes: Uint8Array, about: { content_type?: string; modified_at?: number } = {}): Promise<void> {
    const { content_type = "application/octet-stream", modified_at = this.now() } = about;
    return this.#store.seed(key, bytes, content_type, modified_at);
  }

  /** Forgets a multipart upload, as R2 does after a week. */
  async expire(upload_id: string): Promise<void> {
    const upload = this.#store.uploads.get(upload_id);
    if (upload) await this.#store.abort(upload);
  }

  /** Requests of one kind, e.g. to count them. */
  asked(operation: S3Operation): S3Request[] {
    return this.requests.filter((request) => request.operation === operation);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = callOf(request);
    const entry: S3Request = {
      operation: call.operation,
      method: call.method,
      key: call.key,
      query: Object.fromEntries(call.query),
      range: request.headers.range ?? null,
      received_bytes: 0,
      status: null,
    };
    this.requests.push(entry);
    const effect = this.#faults.take(call.operation, call.key);
    try {
      const answer = await this.#answer(call, request, entry, effect);
      await this.#send(request, response, entry, answer, effect);
    } catch (error) {
      if (error instanceof Cut) response.destroy();
      else await this.#refuse(request, response, entry, error);
    }
  }

  async #answer(call: S3Call, request: IncomingMessage, entry: S3Request, effect: Effect | null): Promise<Answer> {
    if (this.unavailable) throw new S3Problem(503, "SlowDown", "Reduce your request rate");
    if (effect && "status" in effect && !effect.done) throw problemOf(effect);
    if (this.unsupported.has(call.operation)) throw new S3Problem(501, "NotImplemented", "Not implemented");
    if (call.bucket !== this.bucket) throw new S3Problem(404, "NoSuchBucket", "The bucket does not exist");
    if (call.operation === "Preflight") return this.#preflight(request);
    const sha256 = checkSignature({ ...call, headers: request.headers }, this.credentials, this.now());
    const cut = effect !== null && "cut" in effect && effect.cut === "body";
    const body = this.#received(request, entry, cut);
    const answer = await answerTo(call, { body, sha256, store: this.#store, bucket: this });
    if (effect && "status" in effect) throw problemOf(effect);
    if (effect && "cut" in effect && effect.cut === "answer") throw new Cut();
    return { ...answer, headers: { ...answer.headers, ...this.#crossOrigin(request) } };
  }

  async *#received(request: IncomingMessage, entry: S3Request, cut: boolean): AsyncGenerator<Buffer> {
    const half = Number(request.headers["content-length"] ?? 0) / 2;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      await this.line.pass(chunk.length);
      entry.received_bytes += chunk.length;
      if (cut && entry.received_bytes >= half) throw new Cut();
      yield chunk;
    }
  }

  #preflight({ headers }: IncomingMessage): Answer {
    const names = headers["access-control-request-headers"];
    const question = {
      origin: headers.origin ?? "",
      method: String(headers["access-control-request-method"] ?? ""),
      headers: names ? names.split(",").map((name) => name.trim()) : [],
    };
    const allowed = corsAnswer(this.cors, question);
    if (!allowed) throw new S3Problem(403, "AccessForbidden", "CORSResponse: this CORS request is not allowed");
    return { status: 200, headers: allowed };
  }

  #crossOrigin({ method, headers }: IncomingMessage): Record<string, string> {
    if (!headers.origin) return {};
    return corsAnswer(this.cors, { origin: headers.origin, method: method ?? "GET", headers: [] }) ?? {};
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    entry: S3Request,
    { status, headers, xml, file }: Answer,
    effect: Effect | null,
  ): Promise<void> {
    entry.status = status;
    if (xml !== undefined) {
      response.writeHead(status, { "content-type": "application/xml", ...headers }).end(document(xml));
      return;
    }
    response.writeHead(status, headers);
    if (!file || request.method === "HEAD") {
      response.end();
      return;
    }
    const cutAt =
      effect && "cut" in effect && effect.cut === "body" ? (file.to - file.from) / 2 : Number.POSITIVE_INFINITY;
    let sent = 0;
    for await (const chunk of createReadStream(file.path, {
      start: file.from,
      end: file.to,
    }) as AsyncIterable<Buffer>) {
      if (response.destroyed) return;
      await this.line.pass(chunk.length);
      if (sent + chunk.length > cutAt) throw new Cut();
      sent += chunk.length;
      if (!response.write(chunk)) await drained(response);
    }
    response.end();
  }

  async #refuse(request: IncomingMessage, response: ServerResponse, entry: S3Request, error: unknown): Promise<void> {
    if (request.destroyed && !request.complete) return;
    const problem =
      error instanceof S3Problem ? error : new S3Problem(500, "InternalError", `${(error as Error).stack}`);
    entry.status = problem.status;
    response.writeHead(problem.status, {
      "content-type": "application/xml",
      ...problem.headers,
      ...this.#crossOrigin(request),
    });
    response.end(request.method === "HEAD" ? undefined : problem.xml);
  }
}

/** The connection is to be cut. */
class Cut extends Error {
  override name = "Cut";
}

const problemOf = ({ status, code }: Extract<Effect, { status: number }>) => new S3Problem(status, code, "As told");

function callOf(request: IncomingMessage): S3Call {
  const url = new URL(`http://s3${request.url}`);
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const [, name = "", ...rest] = path.split("/");
  const key = rest.map(decodeURIComponent).join("/");
  const method = request.method ?? "GET";
  const call = { method, path, query: new URLSearchParams(query), bucket: name, key, headers: request.headers };
  return { ...call, operation: operationOf(method, key, url.searchParams) };
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
