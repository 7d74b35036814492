/** Real FFmpeg publishers with chosen properties, in real time, as an encoder would push. */
import { type ChildProcess, spawn } from "node:child_process";

export type PushOptions = {
  video?: { size?: string; rate?: number; gopSeconds?: number; bFrames?: number } | null;
  audio?: { sampleRate?: number; channels?: number } | null;
  seconds?: number;
};

export type Push = {
  process: ChildProcess;
  /** What FFmpeg wrote to standard error. */
  errors(): string;
  /** Ends the push as an encoder does (FCUnpublish, deleteStream) and waits. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  exited: Promise<number | null>;
};

/** FFmpeg's arguments for a synthetic push to `url`. */
export function pushArguments(url: string, options: PushOptions = {}): string[] {
  const video = options.video === undefined ? {} : options.video;
  const audio = options.audio === undefined ? {} : options.audio;
  const rate = video?.rate ?? 30;
  const inputs: string[] = [];
  const codecs: string[] = [];
  if (video !== null) {
    inputs.push("-re", "-f", "lavfi", "-i", `testsrc2=size=${video.size ?? "640x360"}:rate=${rate}`);
    const gop = String(Math.round((video.gopSeconds ?? 2) * rate));
    codecs.push("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "800k");
    codecs.push("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", String(video.bFrames ?? 0));
  }
  if (audio !== null) {
    const sampleRate = audio.sampleRate ?? 48_000;
    inputs.push("-re", "-f", "lavfi", "-i", `sine=frequency=440:sample_rate=${sampleRate}`);
    codecs.push("-c:a", "aac", "-b:a", "96k", "-ar", String(sampleRate), "-ac", String(audio.channels ?? 2));
  }
  const length = options.seconds === undefined ? [] : ["-t", String(options.seconds)];
  return ["-v", "error", "-nostdin", ...inputs, ...codecs, ...length, "-f", "flv", url];
}

export function push(url: string, options: PushOptions = {}): Push {
  const child = spawn("ffmpeg", pushArguments(url, options), { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000);
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(timer);
  };
  return { process: child, errors: () => errors, stop: () => end("SIGINT"), kill: () => end("SIGKILL"), exited };
}
