/** The clip that every peer is fed: 720p30, 2.4 Mb/s constant, 2 s closed GOP, 48 kHz stereo AAC. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

export const CLIP_SECONDS = 20;

/** Makes the clip once per directory and length, and returns the path of the FLV file. */
export function makeClip(directory: string, seconds = CLIP_SECONDS): string {
  const file = path.join(directory, `clip${seconds}.flv`);
  if (existsSync(file)) return file;
  const video = `testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t`;
  // biome-ignore format: one option per word reads better in groups
  execFileSync("ffmpeg", [
    "-v", "error", "-y", "-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
    "-t", String(seconds), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "60",
    "-keyint_min", "60", "-sc_threshold", "0", "-bf", "0", "-b:v", "2270k", "-minrate", "2270k", "-maxrate", "2270k", "-bufsize", "2270k",
    "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "flv", file,
  ]);
  return file;
}
