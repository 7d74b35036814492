/** A recording whose machine loses power while it is uploaded: what is left on disk and what is on S3 fit together. */
import { readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { SLICE_BYTES } from "#contract/recording";
import { partName, sliceNumber } from "../../media-worker/recorder/part-files.ts";
import { ManualClock } from "../harness/manual-clock.ts";
import { PowerLoss } from "../harness/power-loss.ts";
import { grant, recover, startRecording } from "../harness/recording.ts";
import { BOTH, interleaved, pictures, sound } from "../harness/synthetic-media.ts";
import { UploadWorld } from "../harness/uploads.ts";

const PATIENCE = { timeout: 30_000, interval: 20 };

test.each([150_000, 170_000, 190_000])("at pictures of %d bytes", async (bytes) => {
  const disk = await PowerLoss.watch();
  const world = await UploadWorld.start();
  // Its clock stands still: nothing is made safe just because a second has gone.
  const { recorder, feed } = await startRecording({ dir: world.recordings, clock: new ManualClock(Date.now()) });
  onTestFinished(() => recorder.end("finished"));
  recorder.session(grant());
  recorder.timeline(BOTH);
  await feed(interleaved(pictures({ seconds: 6, bytes }), sound(6)));

  const name = partName({ stream_id: 1, session: "s", epoch: "e1", n: 0 });
  const folder = path.join(world.recordings, name);
  const slices = () =>
    readdirSync(folder)
      .map(sliceNumber)
      .filter((n) => n !== null);
  const uploads = await world.uploads();
  // All that are whole are uploaded, and gone but for the first.
  await vi.waitFor(() => {
    expect(slices()).toHaveLength(2);
    expect(Math.max(...slices())).toBeGreaterThan(3);
  }, PATIENCE);
  const last = Math.max(...slices());
  await uploads.stop(0);

  const before = path.join(world.data, "before");
  renameSync(folder, before);
  disk.survivors(folder, folder, before);
  await recover(world.recordings);
  const again = await world.uploads();
  await again.drained(1, "s", AbortSignal.timeout(30_000));
  const handed = world.desk.parts.get(name);
  expect(handed?.state).toBe("done");
  expect(handed?.completed?.size).toBeGreaterThanOrEqual((last - 1) * SLICE_BYTES);
});
