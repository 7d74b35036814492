/** The uploader with a real spool and real HTTP: many parts at once, and its own stops, kills and losses. */
import { fork } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { MIB, UploadWorld, until } from "../harness/uploads.ts";

describe("many parts", () => {
  test("of 40 short sessions at once are all handed in, at most three at a time", async () => {
    const world = await UploadWorld.start();
    for (let n = 0; n < 40; n++) world.recorded(50_000 * (n + 1), 5, { session: `s${n}`, n });
    const uploads = await world.uploads();
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, world.s3.asked("UploadPart").filter(({ status }) => status === null).length);
    }, 1);
    await Promise.all(Array.from({ length: 40 }, (_, n) => uploads.drained(7, `s${n}`)));
    clearInterval(timer);
    await world.allHandedIn();
    expect(most).toBeLessThanOrEqual(3);
  });

  test("one that grows is not held up by long ones, nor they by one that waits for its end", async () => {
    const world = await UploadWorld.start();
    const waits = world.part({ n: 9 });
    const long = Array.from({ length: 4 }, (_, n) =>
      world
        .part({ n })
        .grow(40 * MIB, 40)
        .seal(),
    );
    const live = world.part({ n: 8 }).grow(9 * MIB, 9);
    world.s3.line.bytesPerSecond = 60 * MIB;
    const uploads = await world.uploads();
    await until(() => expect(world.desk.parts.get(live.name)?.slices.size).toBe(1));
    // Of the long ones, each of which has five slices, none was finished before the live one had its turn.
    const done = [...world.desk.parts.values()].filter(({ state }) => state === "done");
    expect(done).toEqual([]);
    world.s3.line.bytesPerSecond = null;
    await until(() => expect(world.folders().sort()).toEqual([live.name, waits.name].sort()));
    for (const part of long) expect(world.desk.parts.get(part.name)?.state).toBe("done");
    live.seal();
    uploads.poke(live.name);
    await until(() => expect(world.folders()).toEqual([waits.name]));
  });

  test("of one session: drained tells when nothing of it is left", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    await uploads.drained(7, "s1");
    const part = world.part();
    world.part({ stream_id: 70 });
    world.part({ session: "s12" });
    let drained = false;
    const all = uploads.drained(7, "s1").then(() => {
      drained = true;
    });
    part.grow(MIB);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(drained).toBe(false);
    part.seal();
    await all;
    expect(world.folders()).toHaveLength(2);
    const stop = new AbortController();
    const never = uploads.drained(70, "s1", stop.signal);
    stop.abort(new Error("enough"));
    await expect(never).rejects.toThrow("enough");
  });
});

describe("the uploader", () => {
  test("stops in time, whatever is under way, and goes on where it was", async () => {
    const world = await UploadWorld.start();
    world.recorded(20 * MIB, 20);
    world.s3.line.bytesPerSecond = 10_000;
    const first = await world.uploads();
    await until(() => expect(world.slicesPut().toSorted()).toEqual([2, 3]));
    const began = performance.now();
    await first.stop(300);
    expect(performance.now() - began).toBeLessThan(3_000);
    world.s3.line.bytesPerSecond = null;
    await world.uploads();
    await world.allHandedIn();
  });

  test("finishes what it can before it stops", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads({ scan: 60_000 });
    world.recorded(MIB);
    await uploads.stop(10_000);
    await world.allHandedIn();
    await until(() => expect(world.folders()).toEqual([]));
  });

  test("is killed again and again, at any moment", async () => {
    const world = await UploadWorld.start();
    const script = path.resolve(import.meta.dirname, "../harness/uploader-process.ts");
    world.recorded(45 * MIB, 45, { n: 0 });
    world.recorded(20 * MIB, 20, { n: 1 });
    world.recorded(MIB, 1, { n: 2 });
    world.s3.line.bytesPerSecond = 100 * MIB;
    const isDone = () => [...world.desk.parts.values()].filter(({ state }) => state === "done").length === 3;
    let kills = 0;
    for (; !isDone() && kills < 15; kills++) {
      const child = fork(script, [world.data, world.control.url], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      const exited = new Promise((resolve) => child.once("exit", resolve));
      await new Promise((resolve) => child.once("message", resolve));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
      child.kill("SIGKILL");
      await exited;
    }
    expect(kills).toBeGreaterThan(1);
    await world.uploads();
    await world.allHandedIn();
    await until(() => expect(world.folders()).toEqual([]));
    expect(existsSync(path.join(world.spool, "damaged"))).toBe(false);
  }, 120_000);

  test("whose journal is lost begins anew with what is there", async () => {
    const world = await UploadWorld.start();
    const part = world.recorded(MIB);
    world.s3.unavailable = true;
    const first = await world.uploads();
    await until(() => expect(world.desk.calls.length).toBeGreaterThan(0));
    await first.stop(0);
    rmSync(path.join(part.folder, "upload.json"), { force: true });
    writeFileSync(path.join(part.folder, "upload.json"), "nonsense");
    world.s3.heal();
    await world.uploads();
    await world.allHandedIn();
  });
});
