/** What the uploader makes of an S3 and a control plane that fail, are slow, or do not know it any more. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { MIB, QUICK, UploadWorld, until } from "../harness/uploads.ts";

describe("S3", () => {
  test("refuses for a while, by any means", async () => {
    const world = await UploadWorld.start();
    const uploads = await world.uploads();
    const part = world.part().grow(30 * MIB, 30);
    await until(() => expect(world.slicesPut()).toContain(1));
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
    world.recorded(20 * MIB, 20);
    await world.uploads();
    await world.allHandedIn();
    expect(world.slicesPut()).toHaveLength(10);
  });

  test("refuses addresses: they are signed anew, at once", async () => {
    const world = await UploadWorld.start();
    world.s3.fault({ operation: "UploadPart", times: 1, effect: { status: 403, code: "AccessDenied" } });
    world.recorded(20 * MIB, 20);
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
    world.recorded(MIB);
    await world.uploads();
    await world.allHandedIn();
  });

  test("does not know an upload for a moment", async () => {
    const world = await UploadWorld.start();
    world.s3.fault({ operation: "UploadPart", times: 3, effect: { status: 404, code: "NoSuchUpload" } });
    world.recorded(MIB);
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
    expect(world.slicesPut().length).toBeLessThan(15);
  });

  test("is slow, which is not dead, and then is not", async () => {
    const world = await UploadWorld.start();
    world.s3.line.bytesPerSecond = 200_000;
    const part = world.recorded(20 * MIB, 20);
    await world.uploads({ stall: 1_000 });
    await until(() => expect(world.s3.requests.some(({ received_bytes }) => received_bytes > 600_000)).toBe(true));
    world.s3.line.bytesPerSecond = null;
    await world.allHandedIn();
    // Each that was under way looked dead once; from then on the line was known to be slow.
    expect(world.slicesPut().length).toBeLessThanOrEqual(5);
    expect(existsSync(part.folder)).toBe(false);
  });

  test("takes everything and answers nothing: given up when nothing moves", async () => {
    const world = await UploadWorld.start();
    world.s3.line.bytesPerSecond = 1;
    world.recorded(100_000);
    await world.uploads({ stall: 300 });
    // Its 100 kB may still be on a slow line for ten seconds.
    await until(() => expect(world.slicesPut()).toEqual([1, 1]), 30_000);
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
    world.recorded(MIB, 1, { n: 1 });
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
    world.recorded(9 * MIB, 9);
    await world.uploads();
    await world.allHandedIn();
  });

  test("that is back is asked at once", async () => {
    const world = await UploadWorld.start();
    world.desk.status.push(500);
    world.recorded(MIB);
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
    expect(world.folders()).toEqual([part.name]);
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
