/** A recorder fed directly, writing to a real disk. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { RecordingRefusal } from "#contract/media";
import { type Clock, systemClock } from "../../media-worker/live/clock.ts";
import type { TimedUnit } from "../../media-worker/live/reader.ts";
import type { Tracks } from "../../media-worker/live/tracks.ts";
import type { RecordingPoke } from "../../media-worker/recorder/part-files.ts";
import { Recorder } from "../../media-worker/recorder/recorder.ts";
import { Recordings, type RecordingsOptions } from "../../media-worker/recorder/recordings.ts";
import { type RecordedPart, recordedParts, recordingsDir } from "./recordings.ts";

const SETTLE_MS = 30_000;
/** What may be on its way to the disk: less than a writer holds, more than a fragment. */
const PACE_BYTES = 8_000_000;

export const grant = (epoch = "e1", { record = true, session = "s" } = {}) => ({
  stream_id: 1,
  session,
  epoch,
  policy: { second_publisher: "takeover" as const, max_bitrate_bps: 1e9, record },
});

export type TestRecording = {
  dir: string;
  clock: Clock;
  recordings: Recordings;
  recorder: Recorder;
  refusals: RecordingRefusal[];
  /** Refusals that were said to be over, in words. */
  resumed: string[];
  pokes: RecordingPoke[];
  /** As fast as the disk takes them. */
  feed(units: readonly TimedUnit[]): Promise<void>;
  /** What is there when all that has ended is sealed. */
  parts(): Promise<RecordedPart[]>;
};

/** Its folder is removed when the test is finished. */
export async function startRecording(options: Partial<RecordingsOptions> = {}): Promise<TestRecording> {
  const dir = options.dir ?? recordingsDir();
  const clock = options.clock ?? systemClock;
  const refusals: RecordingRefusal[] = [];
  const pokes: RecordingPoke[] = [];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const poke = (each: RecordingPoke) => void pokes.push(each);
  const recordings = new Recordings({ maxBytes: 1e12, log, ...options, dir, clock, poke });
  await recordings.start();
  const resumed: string[] = [];
  const recorder = new Recorder(recordings, clock, (told) => {
    if (told.event === "recording_refused") refusals.push(told.cause);
    else resumed.push(told.message);
  });
  return {
    dir,
    clock,
    recordings,
    recorder,
    refusals,
    resumed,
    pokes,
    async feed(units) {
      const before = await bytesIn(dir);
      let bytes = 0;
      for (const unit of units) {
        recorder.unit(unit);
        bytes += unit.data.length;
        while (bytes > PACE_BYTES && (await bytesIn(dir)) < before + bytes - PACE_BYTES) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    },
    async parts() {
      await recordings.settled(SETTLE_MS);
      return recordedParts(dir);
    },
  };
}

/** What a live process that starts makes of what another one left there: the folders it sealed. */
export async function recover(dir: string): Promise<string[]> {
  const { recordings, pokes } = await startRecording({ dir });
  await recordings.settled(SETTLE_MS);
  return pokes.map(({ part }) => part);
}

async function bytesIn(dir: string): Promise<number> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith(".slice"));
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(dir, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** One publish session from begin to end. */
export async function recordUnits(
  tracks: Tracks,
  units: readonly TimedUnit[],
  options: Partial<RecordingsOptions> = {},
) {
  const recording = await startRecording(options);
  recording.recorder.session(grant());
  recording.recorder.timeline(tracks);
  await recording.feed(units);
  recording.recorder.end("finished");
  return { ...recording, recorded: await recording.parts() };
}
