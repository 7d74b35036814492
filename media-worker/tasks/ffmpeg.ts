/** One short FFmpeg that reads a pipe and writes pipes: never an address, never a shell, never for long. */
import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TaskFailure } from "./task-failure.ts";

const STDERR_KEPT = 2_000;
const COMMON = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-protocol_whitelist", "pipe"];

export type FfmpegRun = {
  /** From the input's options on; the input is `pipe:0`. */
  args: readonly string[];
  input: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Most that it may write to `pipe:1` and, when `sideBytes` is not 0, to `pipe:3`. */
  outputBytes: number;
  sideBytes?: number;
  timeout_ms: number;
  signal: AbortSignal;
};

export type FfmpegOutput = { output: Buffer; side: Buffer; code: number | null; said: string };

/**
 * What it wrote, whatever its exit code. Throws `TaskFailure` when it cannot be started, takes too long or writes too
 * much; the input's error when that fails; the signal's reason.
 */
export async function runFfmpeg(run: FfmpegRun): Promise<FfmpegOutput> {
  const { args, input, outputBytes, sideBytes = 0, timeout_ms, signal } = run;
  signal.throwIfAborted();
  const child = spawn("ffmpeg", [...COMMON, ...args], { stdio: ["pipe", "pipe", "pipe", "pipe"] });
  let failure: unknown;
  const kill = (why: unknown) => {
    failure ??= why;
    child.kill("SIGKILL");
  };
  const onAbort = () => kill(signal.reason);
  const timer = setTimeout(() => kill(new TaskFailure("internal", "FFmpeg took too long")), timeout_ms);
  signal.addEventListener("abort", onAbort, { once: true });
  const exited = new Promise<number | null>((resolve) => {
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const missing = cause.code === "ENOENT";
      failure ??= new TaskFailure("internal", missing ? "FFmpeg is not installed" : "FFmpeg did not start", { cause });
      resolve(null);
    });
    child.on("close", resolve);
  });
  child.stdin.on("error", () => undefined);
  yieldToLive(child.pid);
  const tooMuch = () => kill(new TaskFailure("internal", "FFmpeg wrote too much"));
  try {
    const [code, output, side, said] = await Promise.all([
      exited,
      collect(child.stdout, outputBytes, tooMuch),
      collect(child.stdio[3] as Readable, sideBytes, tooMuch),
      tail(child.stderr),
      feed(child.stdin, input, kill),
    ]);
    if (failure !== undefined) throw failure;
    return { output, side, code, said };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Live streams come first. */
function yieldToLive(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}

/** That FFmpeg closes its input early, because it has what it wants, is no error. */
async function feed(
  stdin: NodeJS.WritableStream,
  input: FfmpegRun["input"],
  kill: (why: unknown) => void,
): Promise<void> {
  let inputFailure: { why: unknown } | null = null;
  async function* watched() {
    try {
      yield* input;
    } catch (why) {
      inputFailure = { why };
      throw why;
    }
  }
  try {
    await pipeline(Readable.from(watched()), stdin);
  } catch {
    const failed = inputFailure as { why: unknown } | null;
    if (failed) kill(failed.why);
  }
}

async function collect(stream: Readable, max: number, tooMuch: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > max) tooMuch();
      else chunks.push(chunk);
    }
  } catch {
    // A pipe that breaks means that the process is ending: its exit tells.
  }
  return Buffer.concat(chunks);
}

async function tail(stream: Readable): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) text = (text + chunk).slice(-STDERR_KEPT);
  } catch {
    // As above.
  }
  return text.trim();
}
