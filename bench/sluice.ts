/** Sluice as a peer: the whole product as `npm start` runs it, with one stream for each push. */
import { startSluice } from "../test/harness/sluice.ts";
import type { Peer } from "./peers.ts";

export type SluicePeer = Peer & { edgePids(): number[] };

export async function startSluicePeer(streams: number, env: Record<string, string> = {}): Promise<SluicePeer> {
  const sluice = await startSluice({ env });
  const call = async <T>(path: string, body: unknown, token?: string): Promise<T> => {
    const response = await fetch(`${sluice.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json() as Promise<T>;
  };
  const { token } = await call<{ token: string }>("/api/token", {
    username: sluice.adminUsername,
    password: sluice.adminPassword,
  });
  type Made = { stream_key: string; playback_urls: { hls: string } };
  const made: Made[] = [];
  for (let n = 0; n < streams; n++)
    made.push(await call<Made>("/api/streams", { title: `Bench ${n}`, is_public: true }, token));
  const of = (n: number) => {
    const stream = made[n];
    if (stream === undefined) throw new Error(`stream ${n} was not made`);
    return stream;
  };
  return {
    name: "sluice",
    ingest: (n) => `${sluice.rtmp}/${of(n).stream_key}`,
    playlist: (n) => of(n).playback_urls.hls,
    pids: () => sluice.pids().media,
    edgePids: () => sluice.pids().workerd,
    stop: () => sluice.stop(),
  };
}
