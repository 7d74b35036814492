/** The live process with a recorder, in a process of its own that can be killed. Says `{ port }` to its parent. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runLive } from "../../media-worker/live/main.ts";

const recordingsDir = process.argv[2] ?? "";
const windowDir = mkdtempSync(path.join(tmpdir(), "sluice-window-"));
const log = { debug() {}, info() {}, warn() {}, error: console.error };
let sessions = 0;
const live = await runLive(
  {
    host: "127.0.0.1",
    rtmpPort: 0,
    httpPort: 0,
    partMs: 500,
    maxPublishers: 5,
    windowDir,
    recordingsDir,
    spoolMaxBytes: 1e9,
  },
  {
    async authorise() {
      const epoch = `e${process.pid}x${sessions++}`;
      return {
        ok: true,
        grant: {
          job_id: epoch,
          attempt: 1,
          lease: epoch,
          stream_id: 1,
          session: "session",
          epoch,
          first_msn: 0,
          discontinuity_sequence: 0,
          last_target_duration_s: null,
          policy: { second_publisher: "takeover", max_bitrate_bps: 1e9, record: true },
        },
      };
    },
    event() {},
    recording() {},
  },
  log,
);
rmSync(windowDir, { recursive: true, force: true });
process.on("disconnect", () => process.exit());
process.send?.({ port: live.ports.rtmp });
