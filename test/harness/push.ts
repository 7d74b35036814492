/** Real FFmpeg publishers with chosen properties, in real time, as an encoder would push. */
import { type ChildProcess, spawn } from "node:child_process";

/** How far the bar of the `bar` picture moves in a second. */
export const BAR_PIXELS_PER_SECOND = 16;

export type PushOptions = {
  video?: {
    size?: string;
    rate?: number;
    gopSeconds?: number;
    bFrames?: number;
    /** Bits per second, kept up whatever is in the picture. By default 800,000, and less for a simple picture. */
    constantBitrate?: number;
    /** `bar`: a white bar on black whose left edge tells the time. */
    picture?: "test" | "bar";
  } | null;
  audio?: { sampleRate?: number; channels?: number } | null;
  seconds?: number;
};

export type Push = {
  process: ChildProcess;
  /** What FFmpeg wrote to standard error. */
  errors(): string;
  /** Seconds of media that were sent so far. */
  sent(): number;
  /** Ends the push as an encoder does (FCUnpublish, deleteStream) and waits. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  exited: Promise<number | null>;
};

type Video = NonNullable<PushOptions["video"]>;

function graph({ size = "640x360", rate = 30, picture = "test" }: Video): string {
  if (picture === "test") return `testsrc2=size=${size}:rate=${rate}`;
  const [, height] = size.split("x");
  const inputs = `color=black:size=${size}:rate=${rate}[ground];color=white:size=8x${height}:rate=${rate}[bar]`;
  return `${inputs};[ground][bar]overlay=x=t*${BAR_PIXELS_PER_SECOND}`;
}

function rateOf({ constantBitrate }: Video): string[] {
  if (constantBitrate === undefined) return ["-b:v", "800k"];
  const rate = String(constantBitrate);
  return ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-x264-params", "nal-hrd=cbr"];
}

/** FFmpeg's arguments for a synthetic push to `url`. */
export function pushArguments(url: string, options: PushOptions = {}): string[] {
  const video = options.video === undefined ? {} : options.video;
  const audio = options.audio === undefined ? {} : options.audio;
  const inputs: string[] = [];
  const codecs: string[] = [];
  if (video !== null) {
    inputs.push("-re", "-f", "lavfi", "-i", graph(video));
    const gop = String(Math.round((video.gopSeconds ?? 2) * (video.rate ?? 30)));
    codecs.push("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", ...rateOf(video));
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
  const progress = ["-progress", "pipe:1", "-stats_period", "0.05"];
  const child = spawn("ffmpeg", [...progress, ...pushArguments(url, options)], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000);
  });
  let sent = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    const last = [...chunk.toString().matchAll(/^out_time_us=(\d+)$/gm)].at(-1)?.[1];
    if (last !== undefined) sent = Number(last) / 1e6;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(timer);
  };
  return {
    process: child,
    errors: () => errors,
    sent: () => sent,
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
    exited,
  };
}
