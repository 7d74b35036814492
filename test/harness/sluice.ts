/** The whole product as a user starts it: `scripts/start.mjs --json` on free ports, with its state in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseEnv } from "node:util";
import { S3Environment, type S3Settings, s3Of, sharedS3File } from "../../scripts/launch/s3-settings.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** A cold start builds. */
const READY_MS = 120_000;
const STOP_MS = 15_000;
const MARK = "SLUICE_TEST_RUN";
/** A developer's own bucket, in the environment or in `.env`, is no place for tests. */
const NO_S3 = Object.fromEntries(Object.keys(S3Environment.shape).map((name) => [name, ""]));

/** For programs that ask more often by one token than they may. */
export const NO_RATE_LIMITS = { SLUICE_RATE_LIMITS: "off" };

export type Ready = {
  event: "ready";
  url: string;
  rtmp: string;
  stream_key: string | null;
  stream_id: number | null;
  public_key: string | null;
  admin_username: string;
  admin_password?: string;
  pid: number;
};

export type StartOptions = {
  env?: Record<string, string>;
  /** Keep state here and leave it there; default: a temporary folder that goes away at the end. */
  data?: string;
  /** Run this instead of `scripts/start.mjs --json` with the present Node. */
  command?: string[];
};

export type Ended = { code: number | null; signal: NodeJS.Signals | null };

export type Launch = {
  process: ChildProcess;
  /** Resolves with the line of readiness; rejects when the process ends without it. */
  ready: Promise<Ready>;
  exited: Promise<Ended>;
  /** Everything it printed so far. */
  logs(): string;
  data: string;
  /** The data folder of the media worker. */
  mediaData: string;
  /**
   * Ids of the processes of this launch that run now, whoever their parent is. `media`: the `supervisor`, the `live`
   * process, and whatever else they run.
   */
  pids(): { workerd: number[]; media: number[]; supervisor: number[]; live: number[]; all: number[] };
  /** Ends it as a user does, and waits. */
  stop(): Promise<void>;
  /** Sends a signal to the process that was started, and to no other. */
  kill(signal: NodeJS.Signals): void;
};

export type Sluice = Omit<Launch, "ready"> & {
  ready: Ready;
  url: string;
  /** The ingest address without a key. */
  rtmp: string;
  /** Of the demo stream. */
  streamKey: string;
  streamId: number;
  publicKey: string;
  adminUsername: string;
  /** Generated at the first start, or the one that was set. */
  adminPassword: string;
  /** Where recordings go: R2's local endpoint, or what `env` said. */
  s3: S3Settings;
};

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // the process has just ended
  }
};

/** Processes that carry `mark` in their environment. Linux only. */
function processesOf(mark: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => read(`/proc/${name}/environ`).includes(`${MARK}=${mark}`))
    .map((name) => ({ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll("\0", " ") }))
    .filter(({ command }) => command !== ""); // a zombie has none
}

/** The local S3 of the Sluice that runs on this data folder. */
export function localS3Of(data: string): S3Settings {
  const s3 = s3Of(S3Environment.parse(parseEnv(read(sharedS3File(data)))));
  if (s3 === null) throw new Error(`no Sluice with a local S3 runs on ${data}`);
  return s3;
}

/** Starts Sluice without waiting for anything. */
export function launchSluice(options: StartOptions = {}): Launch {
  const mark = randomUUID();
  const data = options.data ?? mkdtempSync(path.join(tmpdir(), "sluice-test-"));
  const [program = process.execPath, ...args] = options.command ?? [
    process.execPath,
    path.join(ROOT, "scripts/start.mjs"),
    "--json",
  ];
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      SLUICE_PORT: "0",
      SLUICE_RTMP_PORT: "0",
      SLUICE_DATA: data,
      SLUICE_EXIT_WITH_PARENT: "1",
      ...NO_S3,
      ...options.env,
      [MARK]: mark,
    },
  });

  let logs = "";
  const ready = new Promise<Ready>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      logs += `${line}\n`;
      if (line.startsWith('{"event":"ready"')) resolve(JSON.parse(line));
    });
    createInterface(child.stderr).on("line", (line) => {
      logs += `${line}\n`;
    });
    child.once("close", (code) => reject(new Error(`Sluice ended with ${code} before it was ready\n${logs}`)));
    setTimeout(() => reject(new Error(`Sluice is not ready after ${READY_MS} ms\n${logs}`)), READY_MS).unref();
  });
  // Nobody need wait for it.
  ready.catch(() => undefined);
  const exited = new Promise<Ended>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));

  return {
    process: child,
    ready,
    exited,
    logs: () => logs,
    data,
    mediaData: path.join(data, "media"),
    pids() {
      const all = processesOf(mark);
      const those = (pattern: RegExp) => all.filter(({ command }) => pattern.test(command)).map(({ pid }) => pid);
      return {
        workerd: those(/^\S*\/workerd serve/),
        media: those(/dist\/media-worker\//),
        supervisor: those(/dist\/media-worker\/main\.js $/),
        live: those(/dist\/media-worker\/main\.js live /),
        all: all.map(({ pid }) => pid),
      };
    },
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => {
        for (const { pid } of processesOf(mark)) process.kill(pid, "SIGKILL");
      }, STOP_MS);
      await exited;
      clearTimeout(timer);
      if (options.data === undefined) rmSync(data, { recursive: true, force: true });
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** Starts Sluice and waits until it is ready. Throws when the demo stream of its data folder was deleted. */
export async function startSluice(options: StartOptions = {}): Promise<Sluice> {
  const launch = launchSluice(options);
  let ready: Ready;
  try {
    ready = await launch.ready;
  } catch (error) {
    await launch.stop();
    throw error;
  }
  const { stream_key, stream_id, public_key } = ready;
  if (stream_key === null || stream_id === null || public_key === null) {
    await launch.stop();
    throw new Error("the demo stream is gone");
  }
  const own = s3Of(S3Environment.parse(options.env ?? {}));
  return {
    ...launch,
    ready,
    url: ready.url,
    rtmp: ready.rtmp,
    streamKey: stream_key,
    streamId: stream_id,
    publicKey: public_key,
    adminUsername: ready.admin_username,
    adminPassword: ready.admin_password ?? options.env?.SLUICE_ADMIN_PASSWORD ?? "",
    s3: own ?? localS3Of(launch.data),
  };
}
