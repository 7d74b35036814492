/** What encoders did, for whoever reads the log. */
import type { JobReport, TrackInfo } from "#contract/media";
import type { Log } from "../log.ts";

export function logReport(log: Log, { body, progress: { stream_id } }: JobReport): void {
  switch (body.event) {
    case "ready":
      log.info({ stream_id, tracks: body.tracks.map(inWords).join(", ") }, "live");
      break;
    case "tracks":
      log.info({ stream_id, tracks: body.tracks.map(inWords).join(", ") }, "the publisher changed its tracks");
      break;
    case "warning":
      log.warn({ stream_id }, body.message);
      break;
    case "recording_refused":
      log.error({ stream_id, cause: body.cause }, body.message);
      break;
    case "recording_resumed":
      log.info({ stream_id, over: body.message }, "the stream is recorded again");
      break;
    case "ended":
      log.info({ stream_id, reason: body.reason }, "the publisher left");
      break;
    default:
      body satisfies never;
  }
}

/** E.g. `avc1.64001f 1280x720 30 fps`, `mp4a.40.2 48 kHz`. */
function inWords(track: TrackInfo): string {
  const size = track.width ? ` ${track.width}x${track.height}` : "";
  const rate = track.frame_rate ? ` ${Math.round(track.frame_rate * 100) / 100} fps` : "";
  const samples = track.sample_rate ? ` ${track.sample_rate / 1000} kHz` : "";
  return `${track.codec}${size}${rate}${samples}`;
}
