/** The uploader with a real spool and real HTTP: whatever goes wrong, each part becomes one object with all its bytes. */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { SLICE_BYTES } from "#contract/recording";
import { sliceName } from "../../media-worker/recorder/part-files.ts";
import { QUICK, UploadWorld } from "../harness/uploads.ts";

const MIB = 1024 * 1024;
const until = (check: () => void | Promise<void>, timeout = 20_000) => vi.waitFor(check, { timeout, interval: 10 });
const numbers = (world: UploadWorld) => world.s3.asked("UploadPart").map(({ query }) => Number(query.partNumber));
const folders = (world: UploadWorld) => readdirSync(world.recordings);

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
    expect(numbers(world)).toEqual([1]);
    expect(part.slices()).toEqual([1, 2, 3]);
    part.log(begun);
    uploads.poke(part.name);
    await until(() => expect(part.slices()).toEqual([1, 3]));
    part.grow(3 * MIB, 3).seal();
    uploads.poke(part.name);
    await until(() => expect(folders(world)).toEqual([]));
    expect(numbers(world)).toEqual([1, 2, 3, 1]);
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
    world.expects(
      world
        .part()
        .grow(2 * MIB, 5)
        .seal(),
    );
    await world.uploads();
    await world.allHandedIn();
    expect(numbers(world)).toEqual([1]);
    expect(world.desk.calls.map(({ call }) => call)).toEqual(["open", "progress", "sign", "complete"]);
    await until(() => expect(folders(world)).toEqual([]));
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
    world.expects(
      world
        .part()
        .grow(17.5 * SLICE_BYTES, 30)
        .seal(),
    );
    await world.uploads();
    await world.allHandedIn(60_000);
    const order = numbers(world);
    expect(order.at(-1)).toBe(1);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 18 }, (_, index) => index + 1));
    expect(world.desk.calls.filter(({ call }) => call === "sign")).toHaveLength(3);
  });

  test("that is not wanted is thrown away, while it grows as well", async () => {
    const world = await UploadWorld.start();
    const [sealed, grows] = [world.part({ n: 0 }).grow(MIB).seal(), world.part({ n: 1 })];
    world.desk.unwanted.set(sealed.name, "not_recorded").set(grows.name, "deleted");
    const uploads = await world.uploads();
    await until(() => expect(folders(world)).toEqual([grows.name]));
    grows.grow(17 * MIB, 17);
    uploads.poke(grows.name);
    await until(() => expect(grows.slices()).toEqual([1, 3]));
    grows.seal();
    uploads.poke(grows.name);
    await until(() => expect(folders(world)).toEqual([]));
    expect(numbers(world)).toEqual([]);
    const reasons = world.lines.filter(({ level }) => level === "warn").map(({ about }) => about.reason);
    expect(reasons.sort()).toEqual(["deleted", "not_recorded"]);
  });

  test("whose session the control plane has not heard of waits until it has", async () => {
    const world = await UploadWorld.start();
    world.desk.knows = () => false;
    world.expects(world.part().grow(MIB).seal());
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
    await until(() => expect(folders(world)).toEqual([]));
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
    expect(numbers(world)).toEqual([1, 2, 3, 1]);
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
    const whole = world.expects(world.part({ n: 2 }).grow(MIB).seal());
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
    const whole = world.expects(world.part({ n: 1 }).grow(MIB).seal());
    await world.uploads();
    await world.allHandedIn();
    await until(() => expect(folders(world)).toEqual([odd.name]));
    expect(world.desk.parts.get(whole.name)?.state).toBe("done");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(world.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("has several slices under way when nobody else needs the line", async () => {
    const world = await UploadWorld.start();
    const part = world.expects(world.part().grow(34 * MIB, 34));
    world.s3.line.bytesPerSecond = 1;
    await world.uploads();
    await until(() => expect(numbers(world).toSorted()).toEqual([1, 2, 3]));
    world.s3.line.bytesPerSecond = null;
    world.expects(part.seal());
    await world.allHandedIn();
  });

  test("of which one slice is refused keeps the others", async () => {
    const world = await UploadWorld.start();
    const part = world.expects(
      world
        .part()
        .grow(34 * MIB, 34)
        .seal(),
    );
    world.s3.fault({ operation: "UploadPart", times: 1, effect: { status: 500, code: "InternalError" } });
    await world.uploads();
    await world.allHandedIn();
    expect(numbers(world)).toHaveLength(6);
    expect(world.desk.parts.get(part.name)?.completed?.slices.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("S3", () => {
  test("refuses for a while, by any means", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(30 * MIB, 30);
    await until(() => expect(numbers(world)).toContain(1));
    await world.s3.stop();
    world.expects(part).seal();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await world.s3.start();
    world.s3.unavailable = true;
    await until(() => expect(world.s3.requests.some(({ status }) => status === 503)).toBe(true));
    world.s3.heal();
    await uploads.drained(7, "s1");
    expect(world.desk.parts.get(part.name)?.state).toBe("done");
    expect(world.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("answers 500, cuts connections in the middle and before the answer", async () => {
    const world = await UploadWorld.start();
    const fault = (times: number, effect: Parameters<typeof world.s3.fault>[0]["effect"]) =>
      world.s3.fault({ operation: "UploadPart", times, effect });
    fault(2, { status: 500, code: "InternalError" });
    fault(2, { cut: "body" });
    fault(2, { cut: "answer" });
    fault(1, { status: 400, code: "RequestTimeout" });
    world.expects(
      world
        .part()
        .grow(20 * MIB, 20)
        .seal(),
    );
    await world.uploads();
    await world.allHandedIn();
    expect(numbers(world)).toHaveLength(10);
  });

  test("refuses addresses: they are signed anew, at once", async () => {
    const world = await UploadWorld.start();
    world.s3.fault({ operation: "UploadPart", times: 1, effect: { status: 403, code: "AccessDenied" } });
    world.expects(
      world
        .part()
        .grow(20 * MIB, 20)
        .seal(),
    );
    await world.uploads({ retry: { first: 60_000, most: 60_000 } });
    await world.allHandedIn();
    expect(world.desk.calls.filter(({ call }) => call === "sign")).toHaveLength(3);
  });

  test("takes no address that is over", async () => {
    const world = await UploadWorld.start();
    world.desk.lifetime_s = 1;
    const uploads = await world.uploads();
    const part = world.part().grow(9 * MIB, 9);
    await until(() => expect(world.desk.parts.get(part.name)?.slices.size).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    part.grow(10 * MIB, 10).seal();
    await uploads.drained(7, "s1");
    expect(world.s3.asked("UploadPart").every(({ status }) => status === 200)).toBe(true);
  });

  test("says that there is no such upload, though it completed it", async () => {
    const world = await UploadWorld.start();
    const effect = { status: 404, code: "NoSuchUpload", done: true };
    world.s3.fault({ operation: "CompleteMultipartUpload", times: 1, effect });
    world.expects(world.part().grow(MIB).seal());
    await world.uploads();
    await world.allHandedIn();
  });

  test("does not know an upload for a moment", async () => {
    const world = await UploadWorld.start();
    world.s3.fault({ operation: "UploadPart", times: 3, effect: { status: 404, code: "NoSuchUpload" } });
    world.expects(world.part().grow(MIB).seal());
    await world.uploads();
    await world.allHandedIn();
    expect(world.desk.calls.filter(({ call }) => call === "open")).toHaveLength(4);
  });

  test("has lost an upload for good: what is left is moved aside after a few questions", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(9 * MIB, 9);
    await until(() => expect(world.desk.parts.get(part.name)?.slices.size).toBe(1));
    await world.s3.expire(world.desk.parts.get(part.name)?.upload_id ?? "");
    part.grow(MIB).seal();
    await uploads.drained(7, "s1");
    expect(readdirSync(path.join(world.spool, "damaged"))).toEqual([part.name]);
    expect(numbers(world).length).toBeLessThan(15);
  });

  test("is slow, which is not dead, and then is not", async () => {
    const world = await UploadWorld.start();
    world.s3.line.bytesPerSecond = 200_000;
    const part = world.expects(
      world
        .part()
        .grow(20 * MIB, 20)
        .seal(),
    );
    await world.uploads({ stall: 1_000 });
    await until(() => expect(world.s3.requests.some(({ received_bytes }) => received_bytes > 600_000)).toBe(true));
    world.s3.line.bytesPerSecond = null;
    await world.allHandedIn();
    // Each that was under way looked dead once; from then on the line was known to be slow.
    expect(numbers(world).length).toBeLessThanOrEqual(5);
    expect(existsSync(part.folder)).toBe(false);
  });

  test("takes everything and answers nothing: given up when nothing moves", async () => {
    const world = await UploadWorld.start();
    world.s3.line.bytesPerSecond = 1;
    world.expects(world.part().grow(100_000).seal());
    await world.uploads({ stall: 300 });
    // Its 100 kB may still be on a slow line for ten seconds.
    await until(() => expect(numbers(world)).toEqual([1, 1]), 30_000);
    world.s3.line.bytesPerSecond = null;
    await world.allHandedIn();
  });
});

describe("the control plane", () => {
  test("is away for a while", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(9 * MIB, 9);
    await until(() => expect(world.desk.parts.get(part.name)?.slices.size).toBe(1));
    await world.control.stop();
    part.grow(10 * MIB, 10);
    world.expects(world.part({ n: 1 }).grow(MIB).seal());
    await new Promise((resolve) => setTimeout(resolve, 500));
    part.seal();
    await world.control.start();
    await uploads.drained(7, "s1");
    expect([...world.desk.parts.values()].map(({ state }) => state)).toEqual(["done", "done"]);
    const waits = world.lines.filter(({ level }) => level === "warn").map(({ about }) => about.part);
    expect(new Set(waits).size).toBe(waits.length);
  });

  test("answers errors and nonsense to every call", async () => {
    const world = await UploadWorld.start();
    world.desk.status.push(500, 503, 401, 409, 400, 429, 500, 404, 500);
    world.expects(
      world
        .part()
        .grow(9 * MIB, 9)
        .seal(),
    );
    await world.uploads();
    await world.allHandedIn();
  });

  test("that is back is asked at once", async () => {
    const world = await UploadWorld.start();
    world.desk.status.push(500);
    world.expects(world.part().grow(MIB).seal());
    const uploads = await world.uploads({ retry: { first: 60_000, most: 60_000 } });
    await until(() => expect(world.lines.some(({ level }) => level === "warn")).toBe(true));
    uploads.poke();
    uploads.hurry();
    await world.allHandedIn();
  });
});

describe("a worker that was enrolled anew", () => {
  /** A part that was opened and half handed in by the worker that it was. */
  async function another() {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(2 * MIB, 2);
    uploads.poke();
    await until(() => expect(world.desk.parts.get(part.name)?.size).toBe(part.size));
    await uploads.stop(0);
    const handed = world.desk.parts.get(part.name);
    if (!handed) throw new Error("it was not opened");
    const { worker_id } = handed;
    handed.worker_id = "another";
    part.seal();
    const back = () => {
      handed.worker_id = worker_id;
    };
    return { world, part, back };
  }
  const told = (world: UploadWorld) => world.lines.filter(({ message }) => message.includes("enrolled anew"));

  test("keeps what it recorded before: it may become the old one again", async () => {
    const { world, part, back } = await another();
    world.expects(part);
    await world.uploads();
    await until(() => expect(world.desk.calls.filter(({ call }) => call === "open").length).toBeGreaterThan(4));
    expect(told(world)).toHaveLength(1);
    expect(folders(world)).toEqual([part.name]);
    back();
    await world.allHandedIn();
  });

  test("puts it aside once it was completed without its end", async () => {
    const { world, part } = await another();
    const uploads = await world.uploads({ ...QUICK, disowned: 1_000 });
    await uploads.drained(7, "s1");
    expect(told(world)).toHaveLength(1);
    expect(readdirSync(path.join(world.spool, "damaged"))).toEqual([part.name]);
  });
});

describe("many parts", () => {
  test("of 40 short sessions at once are all handed in, at most three at a time", async () => {
    const world = await UploadWorld.start();
    for (let n = 0; n < 40; n++)
      world.expects(
        world
          .part({ session: `s${n}`, n })
          .grow(50_000 * (n + 1), 5)
          .seal(),
      );
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
    await until(() => expect(folders(world).sort()).toEqual([live.name, waits.name].sort()));
    for (const part of long) expect(world.desk.parts.get(part.name)?.state).toBe("done");
    live.seal();
    uploads.poke(live.name);
    await until(() => expect(folders(world)).toEqual([waits.name]));
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
    expect(folders(world)).toHaveLength(2);
    const stop = new AbortController();
    const never = uploads.drained(70, "s1", stop.signal);
    stop.abort(new Error("enough"));
    await expect(never).rejects.toThrow("enough");
  });
});

describe("the uploader", () => {
  test("stops in time, whatever is under way, and goes on where it was", async () => {
    const world = await UploadWorld.start();
    world.expects(
      world
        .part()
        .grow(20 * MIB, 20)
        .seal(),
    );
    world.s3.line.bytesPerSecond = 10_000;
    const first = await world.uploads();
    await until(() => expect(numbers(world).toSorted()).toEqual([2, 3]));
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
    world.expects(world.part().grow(MIB).seal());
    await uploads.stop(10_000);
    await world.allHandedIn();
    await until(() => expect(folders(world)).toEqual([]));
  });

  test("is killed again and again, at any moment", async () => {
    const world = await UploadWorld.start();
    const script = path.resolve(import.meta.dirname, "../harness/uploader-process.ts");
    world.expects(
      world
        .part({ n: 0 })
        .grow(45 * MIB, 45)
        .seal(),
    );
    world.expects(
      world
        .part({ n: 1 })
        .grow(20 * MIB, 20)
        .seal(),
    );
    world.expects(world.part({ n: 2 }).grow(MIB).seal());
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
    await until(() => expect(folders(world)).toEqual([]));
    expect(existsSync(path.join(world.spool, "damaged"))).toBe(false);
  }, 120_000);

  test("whose journal is lost begins anew with what is there", async () => {
    const world = await UploadWorld.start();
    const part = world.expects(world.part().grow(MIB).seal());
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
