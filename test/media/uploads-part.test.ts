/** One recorded part on its way to S3, with a real spool and real HTTP: it becomes one object with all its bytes. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { SLICE_BYTES } from "#contract/recording";
import { sliceName } from "../../media-worker/recorder/part-files.ts";
import { MIB, UploadWorld, until } from "../harness/uploads.ts";

describe("a part", () => {
  test("is handed in while it grows, slice by slice, and the first again at the end", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part();
    uploads.poke(part.name);
    await until(() => expect(world.desk.calls[0]).toEqual({ call: "open", part: part.name }));
    part.grow(9 * MIB, 9);
    uploads.poke(part.name);
    await until(() => expect(world.desk.parts.get(part.name)?.slices.size).toBe(1));
    // More is on disk than is logged: that may be cut off again, and is not uploaded.
    const begun = part.begin(8 * MIB);
    uploads.poke(part.name);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(world.slicesPut()).toEqual([1]);
    expect(part.slices()).toEqual([1, 2, 3]);
    part.log(begun);
    uploads.poke(part.name);
    await until(() => expect(part.slices()).toEqual([1, 3]));
    part.grow(3 * MIB, 3).seal();
    uploads.poke(part.name);
    await until(() => expect(world.folders()).toEqual([]));
    expect(world.slicesPut()).toEqual([1, 2, 3, 1]);
    const handed = world.desk.parts.get(part.name);
    expect(handed).toMatchObject({ state: "done", opened: { stream_id: 7, session: "s1", epoch: "e1", n: 0 } });
    expect(handed?.completed).toMatchObject({ size: part.size, duration_ms: 13_000, end: "finished", runs: part.runs });
    expect(world.s3.objects.get(handed?.key ?? "")?.size).toBe(part.size);
    // What was settled before the end is the begin of what it came to.
    const reported = handed?.runs ?? [];
    expect(reported.length).toBeGreaterThan(0);
    expect(part.runs.slice(0, reported.length)).toEqual(reported);
  });

  test("that is sealed before its first slice is whole goes up once", async () => {
    const world = await UploadWorld.start();
    world.recorded(2 * MIB, 5);
    await world.uploads();
    await world.allHandedIn();
    expect(world.slicesPut()).toEqual([1]);
    expect(world.desk.calls.map(({ call }) => call)).toEqual(["open", "progress", "sign", "complete"]);
    await until(() => expect(world.folders()).toEqual([]));
    await until(() => expect(readdirSync(path.join(world.spool, "removed"))).toEqual([]));
  });

  test("that grows slowly is told of all the same", async () => {
    const world = await UploadWorld.start();
    await world.uploads();
    const part = world.part();
    for (let second = 1; second <= 3; second++) {
      part.grow(100_000);
      await until(() => expect(world.desk.parts.get(part.name)?.duration_ms).toBe(second * 1000));
      expect(world.desk.parts.get(part.name)?.size).toBe(part.size);
    }
  });

  test("takes its addresses in batches", async () => {
    const world = await UploadWorld.start();
    world.recorded(17.5 * SLICE_BYTES, 30);
    await world.uploads();
    await world.allHandedIn(60_000);
    const order = world.slicesPut();
    expect(order.at(-1)).toBe(1);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 18 }, (_, index) => index + 1));
    expect(world.desk.calls.filter(({ call }) => call === "sign")).toHaveLength(3);
  });

  test("that is not wanted is thrown away, while it grows as well", async () => {
    const world = await UploadWorld.start();
    const [sealed, grows] = [world.part({ n: 0 }).grow(MIB).seal(), world.part({ n: 1 })];
    world.desk.unwanted.set(sealed.name, "not_recorded").set(grows.name, "deleted");
    const uploads = await world.uploads();
    await until(() => expect(world.folders()).toEqual([grows.name]));
    grows.grow(17 * MIB, 17);
    uploads.poke(grows.name);
    await until(() => expect(grows.slices()).toEqual([1, 3]));
    grows.seal();
    uploads.poke(grows.name);
    await until(() => expect(world.folders()).toEqual([]));
    expect(world.slicesPut()).toEqual([]);
    const reasons = world.lines.filter(({ level }) => level === "warn").map(({ about }) => about.reason);
    expect(reasons.sort()).toEqual(["deleted", "not_recorded"]);
  });

  test("whose session the control plane has not heard of waits until it has", async () => {
    const world = await UploadWorld.start();
    world.desk.knows = () => false;
    world.recorded(MIB);
    await world.uploads();
    await until(() => expect(world.desk.calls.length).toBeGreaterThan(3));
    world.desk.knows = () => true;
    await world.allHandedIn();
  });

  test("that was completed without its end is not uploaded any more", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(9 * MIB, 9);
    uploads.poke();
    await until(() => expect(world.desk.parts.get(part.name)?.slices.size).toBe(1));
    await world.desk.truncate(part.name);
    part.grow(MIB).seal();
    uploads.poke();
    await until(() => expect(world.folders()).toEqual([]));
    expect(world.s3.objects.size).toBe(0);
  });

  test("is handed in from a full disk, which it thereby frees", async () => {
    const world = await UploadWorld.start();
    const part = world.part().grow(17 * MIB, 17);
    // Whatever is written there finds the disk full.
    symlinkSync("/dev/full", path.join(part.folder, "upload.json.tmp"));
    const uploads = await world.uploads();
    await until(() => expect(part.slices()).toEqual([1, 3]));
    part.seal();
    uploads.poke();
    await uploads.drained(7, "s1");
    expect(world.desk.parts.get(part.name)?.state).toBe("done");
    // Several go up at once, in no order; the first goes again at the very end.
    expect(world.slicesPut().at(-1)).toBe(1);
    expect(world.slicesPut().toSorted()).toEqual([1, 1, 2, 3]);
  });

  test("that lost a slice on disk is moved aside, and holds up no other", async () => {
    const world = await UploadWorld.start();
    const damaged = world
      .part({ n: 0 })
      .grow(20 * MIB, 20)
      .seal();
    truncateSync(path.join(damaged.folder, sliceName(2)), 1000);
    const unreadable = world.part({ n: 1 }).grow(MIB).seal();
    writeFileSync(path.join(unreadable.folder, "part.json"), "{");
    const whole = world.recorded(MIB, 1, { n: 2 });
    const uploads = await world.uploads();
    await uploads.drained(7, "s1");
    const aside = [damaged.name, unreadable.name];
    expect(readdirSync(path.join(world.spool, "damaged")).sort()).toEqual(aside);
    expect(world.desk.parts.get(whole.name)?.state).toBe("done");
    // Whoever looks after the worker is told where they are: when it happens, and at each start.
    const told = () =>
      world.lines.filter(({ about }) => about.folder === "spool/damaged").map(({ about }) => about.parts);
    expect(told().sort()).toEqual(aside.map((name) => [name]));
    world.lines.length = 0;
    await world.uploads();
    expect(told()).toEqual([aside]);
  });

  test("that cannot be read just now holds up no other", async () => {
    const world = await UploadWorld.start();
    const odd = world.part({ n: 0 });
    rmSync(path.join(odd.folder, "part.json"));
    mkdirSync(path.join(odd.folder, "part.json"));
    const whole = world.recorded(MIB, 1, { n: 1 });
    await world.uploads();
    await world.allHandedIn();
    await until(() => expect(world.folders()).toEqual([odd.name]));
    expect(world.desk.parts.get(whole.name)?.state).toBe("done");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(world.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("has several slices under way when nobody else needs the line", async () => {
    const world = await UploadWorld.start();
    const part = world.expects(world.part().grow(34 * MIB, 34));
    world.s3.line.bytesPerSecond = 1;
    await world.uploads();
    await until(() => expect(world.slicesPut().toSorted()).toEqual([1, 2, 3]));
    world.s3.line.bytesPerSecond = null;
    world.expects(part.seal());
    await world.allHandedIn();
  });

  test("of which one slice is refused keeps the others", async () => {
    const world = await UploadWorld.start();
    const part = world.recorded(34 * MIB, 34);
    world.s3.fault({ operation: "UploadPart", times: 1, effect: { status: 500, code: "InternalError" } });
    await world.uploads();
    await world.allHandedIn();
    expect(world.slicesPut()).toHaveLength(6);
    expect(world.desk.parts.get(part.name)?.completed?.slices.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  });
});
