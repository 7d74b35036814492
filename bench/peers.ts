/** The peers Sluice is measured against, started on loopback with their state in a temporary directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";

export type Peer = {
  name: string;
  /** Where stream `n` is pushed. */
  ingest(n: number): string;
  /** The playlist of stream `n`. */
  playlist(n: number): string;
  /** All processes whose CPU and memory count. */
  pids(): number[];
  stop(): Promise<void>;
};

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error("no port");
  return port;
}

/** All different: each is held until the last is found. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}

const childrenOf = (pid: number): number[] => {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
};

const RTMP_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/** nginx with its RTMP module (Debian `nginx`, `libnginx-mod-rtmp`): one worker, HLS with 2 s fragments. */
export async function startNginx(directory: string): Promise<Peer> {
  if (!existsSync(RTMP_MODULE))
    throw new Error("nginx with its RTMP module is missing: apt-get install nginx libnginx-mod-rtmp");
  const [rtmp, http] = [await freePort(), await freePort()];
  const hls = path.join(directory, "hls");
  mkdirSync(hls, { recursive: true });
  const config = path.join(directory, "nginx.conf");
  writeFileSync(
    config,
    `load_module ${RTMP_MODULE};
user root; worker_processes 1; daemon off; pid ${directory}/nginx.pid; error_log ${directory}/error.log warn;
events { worker_connections 1024; }
rtmp { server { listen 127.0.0.1:${rtmp}; application live { live on; hls on; hls_path ${hls}; hls_fragment 2s; } } }
http {
  access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
  types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server { listen 127.0.0.1:${http}; location / { root ${hls}; add_header Access-Control-Allow-Origin *; add_header Cache-Control no-cache; } }
}
`,
  );
  const child = spawn("nginx", ["-c", config], { stdio: ["ignore", "ignore", "inherit"] });
  await waitFor(() => childrenOf(child.pid ?? 0).length > 0, "nginx did not start");
  return {
    name: "nginx-rtmp",
    ingest: (n) => `rtmp://127.0.0.1:${rtmp}/live/s${n}`,
    playlist: (n) => `http://127.0.0.1:${http}/s${n}.m3u8`,
    pids: () => [child.pid ?? 0, ...childrenOf(child.pid ?? 0)],
    stop: () => end(child),
  };
}

const FFMPEG_OUTPUTS = {
  hls: {
    arguments: ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"],
    file: "i.m3u8",
  },
  mp4: { arguments: ["-f", "mp4"], file: "recording.mp4" },
};

/** One `ffmpeg -c copy` for each stream, listening for RTMP and writing to disk. */
export async function startFfmpeg(
  directory: string,
  streams: number,
  output: keyof typeof FFMPEG_OUTPUTS,
): Promise<Peer> {
  const { arguments: format, file } = FFMPEG_OUTPUTS[output];
  const ports = await freePorts(streams);
  const children = ports.map((port, n) => {
    const out = path.join(directory, `f${n}`);
    mkdirSync(out, { recursive: true });
    // biome-ignore format: one option per word reads better in groups
    return spawn("ffmpeg", [
      "-v", "fatal", "-probesize", "100000", "-analyzeduration", "1000000", "-fpsprobesize", "0", "-listen", "1", "-i", `rtmp://127.0.0.1:${port}/live/s${n}`,
      "-c", "copy", ...format, path.join(out, file),
    ], { stdio: ["ignore", "ignore", "inherit"] });
  });
  const listening = () => {
    const table = readFileSync("/proc/net/tcp", "utf8");
    return ports.every((port) =>
      table.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`),
    );
  };
  await waitFor(listening, "ffmpeg does not listen");
  return {
    name: "ffmpeg -c copy",
    ingest: (n) => `rtmp://127.0.0.1:${ports[n]}/live/s${n}`,
    playlist: (n) => `file://${path.join(directory, `f${n}`, file)}`,
    pids: () => children.map((child) => child.pid ?? 0).filter((pid) => existsSync(`/proc/${pid}/stat`)),
    stop: async () => void (await Promise.all(children.map(end))),
  };
}

export async function waitFor(
  done: () => boolean | Promise<boolean>,
  complaint: string,
  milliseconds = 20_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(complaint);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const filesIn = (directory: string) => (existsSync(directory) ? readdirSync(directory) : []);
