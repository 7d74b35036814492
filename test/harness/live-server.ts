/** The live process in this process: RTMP in, HLS out, with a control plane that grants every key of the form `s<number>`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished as finished } from "vitest";
import type { AuthoriseReply, AuthoriseRequest, LinkKeys, PublishGrant, StreamEvent } from "#contract/media";
import { toBase64url } from "#kit/base64url";
import { linkPeriod } from "#kit/link-keys";
import { mintPathToken } from "#kit/path-token";
import { type Clock, systemClock } from "../../media-worker/live/clock.ts";
import type { Control } from "../../media-worker/live/control.ts";
import { type RunningLive, runLive } from "../../media-worker/live/main.ts";
import type { Log } from "../../media-worker/log.ts";
import type { RecordingPoke } from "../../media-worker/recorder/part-files.ts";
import { quietLog } from "./rtmp-server.ts";

export type LiveOptions = {
  partMs?: number;
  clock?: Clock;
  maxPublishers?: number;
  /** Concurrent tests give the one of their context. */
  onTestFinished?: typeof finished;
  /** Nothing is recorded without. */
  recordingsDir?: string;
  spoolMaxBytes?: number;
  log?: Log;
  /** Changes what a publisher is granted. */
  grant?: (grant: PublishGrant, request: AuthoriseRequest) => PublishGrant;
};

export type ReportedEvent = { job_id: string; body: StreamEvent };

export type LiveServer = {
  live: RunningLive;
  rtmpPort: number;
  /** Ingest address without a key. */
  ingest: string;
  keys: LinkKeys;
  /** All that was reported to the control plane, in order. */
  events: ReportedEvent[];
  /** What was said of recordings, in order. */
  pokes: RecordingPoke[];
  /** The play server's address without a path. */
  origin: string;
  /** The address of a stream's files for a viewer, with a slash at the end. */
  watch(streamId: number, viewer?: string): Promise<string>;
  /** Waits for an event; rejects after ten seconds. */
  event<E extends StreamEvent["event"]>(event: E, skip?: number): Promise<Extract<StreamEvent, { event: E }>>;
};

const PATIENCE_MS = 10_000;

/** Closed when the test is finished. */
export async function startLive(options: LiveOptions = {}): Promise<LiveServer> {
  const { clock = systemClock, onTestFinished = finished } = options;
  const events: ReportedEvent[] = [];
  const pokes: RecordingPoke[] = [];
  let publishes = 0;
  const control: Control = {
    async authorise(request): Promise<AuthoriseReply> {
      const match = /^s(\d+)$/.exec(request.key);
      if (!match) return { ok: false, reason: "unknown_key", message: "unknown key" };
      const n = ++publishes;
      const grant: PublishGrant = {
        job_id: `job${n}`,
        attempt: 1,
        lease: `lease${n}`,
        stream_id: Number(match[1]),
        session: "session",
        epoch: `e${n}`,
        first_msn: 0,
        discontinuity_sequence: 0,
        last_target_duration_s: null,
        policy: {
          second_publisher: "takeover",
          max_bitrate_bps: 1_000_000_000,
          record: options.recordingsDir !== undefined,
        },
      };
      return { ok: true, grant: options.grant?.(grant, request) ?? grant };
    },
    event: (job, _progress, body) => events.push({ job_id: job.job_id, body }),
    recording: (poke) => pokes.push(poke),
  };
  const windowDir = mkdtempSync(path.join(tmpdir(), "sluice-window-"));
  onTestFinished(() => rmSync(windowDir, { recursive: true, force: true }));
  const settings = {
    host: "127.0.0.1",
    rtmpPort: 0,
    httpPort: 0,
    partMs: options.partMs ?? 500,
    maxPublishers: options.maxPublishers ?? 50,
    windowDir,
    recordingsDir: options.recordingsDir ?? path.join(windowDir, "recordings"),
    spoolMaxBytes: options.spoolMaxBytes ?? 1e9,
  };
  const live = await runLive(settings, control, options.log ?? quietLog, clock);
  onTestFinished(() => live.close());
  const key = { kid: linkPeriod(clock.now()), secret: toBase64url(new Uint8Array(32).fill(7)) };
  const keys: LinkKeys = { request: [key], path: [{ ...key, secret: toBase64url(new Uint8Array(32).fill(9)) }] };
  live.keys(keys);
  const origin = `http://127.0.0.1:${live.ports.http}`;
  return {
    live,
    rtmpPort: live.ports.rtmp,
    ingest: `rtmp://127.0.0.1:${live.ports.rtmp}/live`,
    keys,
    events,
    pokes,
    origin,
    async watch(streamId, viewer = "viewer") {
      const expires = Math.floor(clock.now() / 1000) + 3600;
      const token = await mintPathToken(keys.path[0]!, { stream_id: streamId, generation: 0, viewer, expires });
      return `${origin}/live/t/${token}/`;
    },
    async event(event, skip = 0) {
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const found = events.filter(({ body }) => body.event === event)[skip];
        if (found) return found.body as never;
        if (performance.now() > deadline) throw new Error(`no ${event} in ${JSON.stringify(events)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}
