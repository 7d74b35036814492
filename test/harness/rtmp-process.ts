/**
 * An RTMP server in a process of its own, so that its memory can be told from the test's and its crash would be seen.
 * Says `{ port }` to its parent, and a `Report` whenever it is asked.
 */
import { createHash } from "node:crypto";
import type { Ingest, PublisherInput } from "../../media-worker/live/media.ts";
import type { RtmpLimits } from "../../media-worker/servers/rtmp/limits.ts";
import { startRtmpServer } from "../../media-worker/servers/rtmp/server.ts";
import type { EndReason } from "../../schema/contract/media.ts";

export type Report = {
  rss: number;
  /** Bytes in use behind a garbage collection (needs `--expose-gc`). */
  inUse: number;
  connections: number;
  /** How sessions ended. */
  ends: Partial<Record<EndReason, number>>;
  /** Sessions that got a call after their end. */
  late: number;
  /** What the hub got from the publisher whose key is `good`. */
  good: { units: number; hash: string };
  /** Errors of ours, as logged. */
  errors: string[];
};

const limits: Partial<RtmpLimits> = JSON.parse(process.argv[2] ?? "{}");
const report: Omit<Report, "rss" | "inUse" | "connections"> = {
  ends: {},
  late: 0,
  good: { units: 0, hash: "" },
  errors: [],
};
const hash = createHash("sha256");

function input(key: string): PublisherInput {
  let ended = false;
  const use = () => {
    if (ended) report.late++;
  };
  return {
    announce: use,
    video: use,
    audio: use,
    dropped: use,
    unit(unit) {
      use();
      if (key !== "good") return;
      report.good.units++;
      hash.update(`${unit.kind}${unit.dts}`).update(unit.data);
    },
    end(reason) {
      use();
      ended = true;
      report.ends[reason] = (report.ends[reason] ?? 0) + 1;
    },
  };
}

const ingest: Ingest = {
  async publish({ key }) {
    // Wait as for a control plane, so that input comes in meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (key !== "good" && key !== "fuzz") return { ok: false, reason: "unknown_key", message: "unknown" };
    return { ok: true, input: input(key) };
  },
};

const error = (fields: unknown) =>
  report.errors.push(fields instanceof Error ? String(fields.stack) : JSON.stringify(fields));
const log = { debug() {}, info() {}, warn() {}, error };
const server = await startRtmpServer({ host: "127.0.0.1", port: 0, ingest, limits, log });
process.on("message", () => {
  const good = { ...report.good, hash: hash.copy().digest("hex") };
  const { rss } = process.memoryUsage();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const connections = server.connections();
  process.send?.({ ...report, good, rss, inUse: heapUsed + arrayBuffers, connections } satisfies Report);
});
process.on("disconnect", () => process.exit());
process.send?.({ port: server.port });
