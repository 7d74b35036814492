/** What a person, or a script, is told when everything runs. */
import type { BootstrapReply } from "#contract/admin";

export type Ready = {
  /** What people are told. */
  url: string;
  /** Where the control plane listens: another address when a proxy is in front. */
  origin: string;
  rtmp: string;
  setUp: BootstrapReply;
  pid: number;
};

/** The line of readiness for scripts. The keys of the demo stream are null when it has been deleted. */
export function readyLine({ url, rtmp, setUp, pid }: Ready): string {
  const { demo, admin_username, admin_password } = setUp;
  return JSON.stringify({
    event: "ready",
    url,
    rtmp,
    stream_key: demo?.stream_key ?? null,
    stream_id: demo?.stream_id ?? null,
    public_key: demo?.public_key ?? null,
    admin_username,
    ...(admin_password === undefined ? {} : { admin_password }),
    pid,
  });
}

/** A test picture with a tone, as a low-latency encoder would send it: a keyframe every 2 s. */
function ffmpegLine(target: string): string {
  const picture = "-re -f lavfi -i testsrc2=size=1280x720:rate=30";
  const tone = "-re -f lavfi -i sine=frequency=440:sample_rate=48000";
  const video = "-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -b:v 2500k -g 60";
  return `ffmpeg ${picture} ${tone} ${video} -c:a aac -b:a 128k -f flv ${target}`;
}

export function banner({ url, origin, rtmp, setUp }: Ready): string {
  const { demo, admin_username, admin_password } = setUp;
  const account =
    admin_password === undefined
      ? admin_username
      : `${admin_username}, password ${admin_password} (shown this once: note it)`;
  const behindProxy = url === origin ? "" : ` (listening on ${origin})`;
  const lines = [
    "",
    "  Sluice is ready.",
    "",
    `  Open         ${url}${behindProxy}`,
    `  Sign in as   ${account}`,
    `  Ingest       ${rtmp}`,
  ];
  if (demo) {
    lines.push(
      `  Stream key   ${demo.stream_key}`,
      `  Watch        ${url}/watch/${demo.stream_id}`,
      "",
      "  Push a test picture:",
      `  ${ffmpegLine(`${rtmp}/${demo.stream_key}`)}`,
    );
  }
  return [...lines, "", "  Ctrl-C stops everything.", ""].join("\n");
}
