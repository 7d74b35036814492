/** A bucket spoken to as Sluice does: path-style, signed by aws4fetch. Answers are taken as they are. */
import { AwsClient } from "aws4fetch";
import type { S3Settings } from "../launch/s3-settings.ts";
import { unreachable } from "./explain.ts";

export type Reply = {
  status: number;
  headers: Headers;
  text: string;
  /** S3's own word for what is wrong; empty when it gave none. */
  code: string;
};

/** A slice of 5 MiB takes so long at 45 kB/s. */
const PATIENCE_MS = 120_000;

const codeOf = (text: string) => /<Code>([^<]{1,80})<\/Code>/.exec(text)?.[1] ?? "";

/**
 * Sends a request and reads the answer. Throws `Trouble` when there is none. Redirects are answers. `setting`: where
 * the address comes from.
 */
export async function ask(request: string | Request, init: RequestInit = {}, setting = "S3_ENDPOINT"): Promise<Reply> {
  const { host } = new URL(typeof request === "string" ? request : request.url);
  try {
    const response = await fetch(request, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, code: response.ok ? "" : codeOf(text) };
  } catch (error) {
    throw unreachable(host, error, setting);
  }
}

export type Call = {
  method?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string;
};

export class Bucket {
  readonly settings: S3Settings;
  readonly #client: AwsClient;

  constructor(settings: S3Settings) {
    this.settings = settings;
    const { accessKeyId, secretAccessKey, region } = settings;
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  }

  /** A signed request for an object, or for the bucket itself when `key` is empty. */
  async call(key: string, { query = {}, ...init }: Call = {}): Promise<Reply> {
    return ask(await this.#client.sign(this.#url(key, query), init));
  }

  /** An address that anybody may use for five minutes. */
  async presign(
    method: string,
    key: string,
    { query = {}, endpoint }: { query?: Record<string, string>; endpoint?: string } = {},
  ): Promise<string> {
    const url = this.#url(key, { ...query, "X-Amz-Expires": "300" }, endpoint);
    return (await this.#client.sign(url, { method, aws: { signQuery: true } })).url;
  }

  #url(key: string, query: Record<string, string>, endpoint = this.settings.endpoint): string {
    const url = new URL(`${endpoint}/${this.settings.bucket}${key && `/${key}`}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }
}
