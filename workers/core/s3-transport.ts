/** Signed requests to the bucket, with time limits and bounded retries, and what S3 says when it refuses. */
import type { AwsClient } from "aws4fetch";
import { BackOff } from "#kit/back-off";
import { parseXml, type XmlElement, XmlError } from "./xml.ts";

/** Of one attempt; S3 joins the slices of a large object while the request waits. */
const TIMEOUT_MS = 10_000;
const COMPLETE_TIMEOUT_MS = 60_000;
const ATTEMPTS = 3;
/** A list of a thousand objects has about half a megabyte. */
const REPLY_MAX_BYTES = 4 * 1024 * 1024;

/**
 * `status` as S3 answered, 0 without an answer; `code` from S3's error document, e.g. `NoSuchUpload`, or one of ours:
 * `Timeout`, `Aborted`, `Unreachable`, `UnexpectedReply`, `Http<status>`. S3 may answer 200 with an error document.
 */
export class S3Error extends Error {
  override name = "S3Error";
  readonly status: number;
  readonly code: string;

  constructor(operation: string, status: number, code: string, cause?: unknown) {
    super(`${operation}: S3 ${status === 0 ? "gave no answer" : `answered ${status}`}, ${code}`, { cause });
    this.status = status;
    this.code = code;
  }
}

export type S3Request = {
  /** As S3 names it. */
  operation: string;
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  url: URL;
  headers?: Record<string, string>;
  body?: string;
};

export class S3Transport {
  readonly #client: AwsClient;
  readonly #way: Pick<Fetcher, "fetch">;

  /** `way`: locally the binding that leads to the bucket. */
  constructor(client: AwsClient, way: Pick<Fetcher, "fetch"> = globalThis) {
    this.#client = client;
    this.#way = way;
  }

  /** What `read` makes of the reply's document, whose root must be `root`. What it cannot read it refuses by `XmlError`. */
  async document<T>(request: S3Request, root: string, read: (element: XmlElement) => T): Promise<T> {
    return this.#repeat(request, async (signal) => {
      const response = await this.#send(request, signal);
      const element = await parsed(request, response);
      try {
        if (element?.name === "Error") throw refusal(request, response.status, element);
        if (element?.name === root) return read(element);
      } catch (error) {
        if (!(error instanceof XmlError)) throw error;
      }
      throw new S3Error(request.operation, response.status, "UnexpectedReply");
    });
  }

  /** The headers of a reply whose body is of no interest. */
  async headers(request: S3Request): Promise<Headers> {
    return this.#repeat(request, async (signal) => {
      const response = await this.#send(request, signal);
      await response.body?.cancel();
      return response.headers;
    });
  }

  /** A reply whose body is the caller's: no time limit holds for it. */
  async open(request: S3Request, signal?: AbortSignal): Promise<Response> {
    return this.#repeat(request, (limit) => this.#send(request, limit), signal);
  }

  /** Only what can be repeated without harm is, and only what failed at once. */
  async #repeat<T>(request: S3Request, attempt: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const backOff = new BackOff(100, 1_000);
    const attempts = request.method === "POST" ? 1 : ATTEMPTS;
    for (let n = 1; ; n++) {
      try {
        return await limited(request, attempt, signal);
      } catch (error) {
        if (n >= attempts || !(error instanceof S3Error && isTransient(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, backOff.next()));
      }
    }
  }

  async #send(request: S3Request, signal: AbortSignal): Promise<Response> {
    const { method, url, headers, body } = request;
    const signed = await this.#client.sign(url, { method, headers, body });
    let response: Response;
    try {
      response = await this.#way.fetch(signed, { redirect: "manual", signal });
    } catch (error) {
      throw new S3Error(request.operation, 0, "Unreachable", error);
    }
    if (response.ok) return response;
    throw refusal(request, response.status, await parsed(request, response));
  }
}

const isTransient = ({ status, code }: S3Error) =>
  code === "Unreachable" || status === 429 || (status >= 500 && status !== 501);

async function limited<T>(
  request: S3Request,
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const limit = new AbortController();
  const ms = request.operation === "CompleteMultipartUpload" ? COMPLETE_TIMEOUT_MS : TIMEOUT_MS;
  const timer = setTimeout(() => limit.abort(), ms);
  try {
    return await attempt(signal ? AbortSignal.any([limit.signal, signal]) : limit.signal);
  } catch (error) {
    if (limit.signal.aborted) throw new S3Error(request.operation, 0, "Timeout", error);
    if (signal?.aborted) throw new S3Error(request.operation, 0, "Aborted", error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** S3's own message stays out: it may quote the signed request and the key's id. */
function refusal({ operation }: S3Request, status: number, element: XmlElement | null): S3Error {
  const code = element?.name === "Error" ? element.children.find(({ name }) => name === "Code")?.text : undefined;
  return new S3Error(operation, status, code && /^[A-Za-z0-9.]{1,64}$/.test(code) ? code : `Http${status}`);
}

/** Null: no document. */
async function parsed({ operation }: S3Request, response: Response): Promise<XmlElement | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      length += chunk.byteLength;
      if (length > REPLY_MAX_BYTES) return null;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new S3Error(operation, response.status, "Unreachable", error);
  }
  try {
    return parseXml(await new Blob(chunks).text());
  } catch (error) {
    if (error instanceof XmlError) return null;
    throw error;
  }
}
