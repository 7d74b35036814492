/** Sluice as a peer: the whole product as `npm start` runs it, with one stream for each push. */
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../test/harness/sluice.ts";
import type { Peer } from "./peers.ts";

/** Calls the API as the admin; throws on any answer that is not 2xx. */
export type Api = {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
};

/** What `POST /api/streams` answers, as far as measurements need it. */
export type MadeStream = { id: number; stream_key: string; playback_urls: { hls: string } };

export type SluicePeer = Peer & {
  /** Of the control plane and the local S3: workerd and the launcher. */
  edgePids(): number[];
};

export type SluicePeerOptions = {
  /** Broadcasts leave a recording. */
  record?: boolean;
};

export async function signIn(sluice: Pick<Sluice, "url" | "adminUsername" | "adminPassword">): Promise<Api> {
  let token: string | undefined;
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${sluice.url}${path}`, {
      method,
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json() as Promise<T>;
  };
  const session = await call<{ token: string }>("POST", "/api/token", {
    username: sluice.adminUsername,
    password: sluice.adminPassword,
  });
  token = session.token;
  return { get: (path) => call("GET", path), post: (path, body) => call("POST", path, body) };
}

export async function startSluicePeer(
  streams: number,
  { record = false }: SluicePeerOptions = {},
): Promise<SluicePeer> {
  const sluice = await startSluice({ env: NO_RATE_LIMITS });
  const made: MadeStream[] = [];
  try {
    const api = await signIn(sluice);
    for (let n = 0; n < streams; n++)
      made.push(await api.post<MadeStream>("/api/streams", { title: `Bench ${n}`, is_public: true, record }));
  } catch (error) {
    await sluice.stop();
    throw error;
  }
  const of = (n: number) => {
    const stream = made[n];
    if (stream === undefined) throw new Error(`stream ${n} was not made`);
    return stream;
  };
  return {
    name: record ? "sluice, recording" : "sluice",
    ingest: (n) => `${sluice.rtmp}/${of(n).stream_key}`,
    playlist: (n) => of(n).playback_urls.hls,
    pids: () => sluice.pids().media,
    edgePids() {
      const { all, media } = sluice.pids();
      return all.filter((pid) => !media.includes(pid));
    },
    stop: () => sluice.stop(),
  };
}
