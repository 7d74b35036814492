/** A Sluice on an S3 of the test's, and its recordings as their owner and their viewers find them. */
import { execFile } from "node:child_process";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { AwsClient } from "aws4fetch";
import type { Vod } from "#contract/vods";
import type { S3Settings } from "../../scripts/launch/s3-settings.ts";
import { S3Stub } from "./s3-stub.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "./sluice.ts";

const run = promisify(execFile);
const SETTLED = ["ready", "truncated", "failed"];

/** Anybody may ask for what they have an address for. */
const CORS =
  "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>" +
  "<AllowedMethod>HEAD</AllowedMethod><AllowedHeader>range</AllowedHeader>" +
  "<ExposeHeader>Content-Range</ExposeHeader></CORSRule></CORSConfiguration>";

/** The S3 settings of a Sluice. `reachable`: by browsers as well. */
function settingsOf(s3: S3Stub, reachable = false): Record<string, string> {
  if (reachable) s3.cors = CORS;
  return {
    S3_ENDPOINT: s3.endpoint,
    ...(reachable && { S3_PUBLIC_ENDPOINT: s3.endpoint }),
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
  };
}

/** Polls until `probe` gives something, and resolves to it. What it throws counts as nothing yet. */
export async function until<T>(what: string, seconds: number, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    let problem: unknown;
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: problem });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const seconds = (n: number) => new Promise<void>((resolve) => setTimeout(resolve, n * 1000));

/** The owner of the demo stream, by the API. */
export class Owner {
  readonly #sluice: Sluice;
  #token: string | null = null;

  constructor(sluice: Sluice) {
    this.#sluice = sluice;
  }

  async call<T>(path: string, init: RequestInit & { json?: unknown } = {}): Promise<T> {
    this.#token ??= await this.#signIn();
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    const { json, ...rest } = init;
    const body = json === undefined ? undefined : JSON.stringify(json);
    const reply = await fetch(this.#sluice.url + path, {
      signal: AbortSignal.timeout(10_000),
      ...rest,
      headers,
      ...(body !== undefined && { body }),
    });
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as T;
  }

  async #signIn(): Promise<string> {
    const { url, adminUsername: username, adminPassword: password } = this.#sluice;
    const reply = await fetch(`${url}/api/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    return ((await reply.json()) as { token: string }).token;
  }

  /** The newest first. */
  async recordings(): Promise<Vod[]> {
    return (await this.call<{ vods: Vod[] }>("/api/library")).vods;
  }

  /** As its own page has it: with addresses to download from. */
  async recording(id: number): Promise<Vod> {
    return (await this.call<{ vod: Vod }>(`/api/library/${id}`)).vod;
  }

  /** Waits until every recording is settled, and there are so many; the newest. */
  async settled(count = 1, patience = 90): Promise<Vod> {
    const newest = await until(`${count} settled recordings`, patience, async () => {
      const all = await this.recordings();
      return all.length === count && all.every(({ status }) => SETTLED.includes(status)) ? all[0] : null;
    });
    return this.recording(newest.id);
  }
}

export type WorldOptions = {
  env?: Record<string, string>;
  /** Keep the Sluice's state here, and leave it there. */
  data?: string;
  /** Browsers reach the S3. */
  reachable?: boolean;
};

/** A Sluice whose recordings go to an S3 stub. `close` ends both. */
export async function startBroadcastWorld({ env, data, reachable }: WorldOptions = {}) {
  const s3 = new S3Stub();
  await s3.start();
  const password = { SLUICE_ADMIN_PASSWORD: "correct horse battery" };
  try {
    const sluice = await startSluice({
      env: { ...NO_RATE_LIMITS, ...password, ...settingsOf(s3, reachable), ...env },
      ...(data !== undefined && { data }),
    });
    const close = async () => {
      await sluice.stop();
      await s3.close();
    };
    return { s3, sluice, owner: new Owner(sluice), ingest: `${sluice.rtmp}/${sluice.streamKey}`, close };
  } catch (error) {
    await s3.close();
    throw error;
  }
}
export type BroadcastWorld = Awaited<ReturnType<typeof startBroadcastWorld>>;

/** Keys of all objects that recordings have in a bucket. */
export async function objectsOf(s3: S3Settings): Promise<string[]> {
  const client = new AwsClient({ ...s3, service: "s3", retries: 0 });
  const reply = await client.fetch(`${s3.endpoint}/${s3.bucket}?list-type=2&prefix=vods/`);
  if (!reply.ok) throw new Error(`the bucket answered ${reply.status}`);
  return [...(await reply.text()).matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key ?? "");
}

/** Said each time an address led to another host; FFmpeg then opens a connection of its own, as it must. */
const REDIRECTED = /Cannot reuse HTTP connection for different host/;

/** What FFmpeg makes of all of an address: the seconds it decoded. Rejects when it has anything to say against it. */
export async function decode(url: string): Promise<number> {
  const { stdout, stderr } = await run(
    "ffmpeg",
    ["-v", "error", "-nostdin", "-progress", "pipe:1", "-i", url, "-f", "null", "-"],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  const problems = stderr.split("\n").filter((line) => line !== "" && !REDIRECTED.test(line));
  if (problems.length > 0) throw new Error(problems.join("\n").slice(0, 4000));
  return Number([...stdout.matchAll(/^out_time_us=(\d+)$/gm)].at(-1)?.[1]) / 1e6;
}

export type Probed = {
  /** Seconds. */
  duration: number;
  streams: { kind: string; start: number; width: number | undefined }[];
};

export async function probe(url: string): Promise<Probed> {
  const { stdout } = await run("ffprobe", ["-v", "error", "-show_streams", "-show_format", "-of", "json", url]);
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string };
    streams: { codec_type: string; start_time: string; width?: number }[];
  };
  return {
    duration: Number(format.duration),
    streams: streams.map(({ codec_type, start_time, width }) => ({
      kind: codec_type,
      start: Number(start_time),
      width,
    })),
  };
}

/** The same address by way of a server that counts the requests. */
export async function counting(address: string): Promise<{ url: string; requests(): number; close(): void }> {
  const target = new URL(address);
  let requests = 0;
  const server = createServer((incoming, reply) => {
    requests++;
    const { method, headers, url } = incoming;
    const onward = request(new URL(url ?? "", target.origin), { method, headers: { ...headers, host: target.host } });
    onward.on("response", (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    onward.on("error", () => reply.destroy());
    reply.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${target.pathname}${target.search}`,
    requests: () => requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
