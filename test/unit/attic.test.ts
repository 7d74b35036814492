import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type Attic, FileAttic } from "../../media-worker/packager/attic.ts";
import { HlsOutput } from "../../media-worker/packager/hls-output.ts";
import { fetchFrom, GRANT, mediaOf, pictures, VIDEO } from "../harness/synthetic-media.ts";

const directory = mkdtempSync(path.join(tmpdir(), "sluice-attic-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("gives back what was put in, by range, and leaves no file behind", async () => {
  const attic = new FileAttic(path.join(directory, "a"));
  const stored = await attic.store([Buffer.from("abc"), Buffer.from("defg")]);
  expect(stored.length).toBe(7);
  expect((await stored.read(0, 7)).toString()).toBe("abcdefg");
  expect((await stored.read(2, 4)).toString()).toBe("cd");
  expect(readdirSync(directory)).toEqual([]);
  await attic.close();
  await expect(stored.read(0, 1)).rejects.toThrow();
});

test("room is used again, but never under what is still held or read", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.nat(5)), { maxLength: 60 }),
      async (steps) => {
        const attic = new FileAttic(path.join(directory, "b"));
        const held: { fill: number; size: number; stored: Awaited<ReturnType<Attic["store"]>> }[] = [];
        for (const [n, [size, release]] of steps.entries()) {
          held.push({ fill: n, size, stored: await attic.store([Buffer.alloc(size, n)]) });
          const gone = held.length > 6 ? held.splice(release, 1)[0] : undefined;
          const reading = gone?.stored.read(0, gone.size);
          gone?.stored.release();
          gone?.stored.release();
          if (gone) expect(await reading).toEqual(Buffer.alloc(gone.size, gone.fill));
        }
        for (const { stored, size, fill } of held) expect(await stored.read(0, size)).toEqual(Buffer.alloc(size, fill));
        await attic.close();
      },
    ),
    { numRuns: 30 },
  );
});

/** Eleven segments of 2 s, with time to put the older ones away. */
async function packaged(attic: Attic): Promise<HlsOutput> {
  const output = new HlsOutput(500, attic);
  output.session(GRANT);
  output.timeline(VIDEO, 0);
  for (const unit of pictures({ seconds: 21 })) output.unit(unit);
  return output;
}

test("older segments leave memory and are served all the same, whole and in parts", async () => {
  const output = await packaged(new FileAttic(path.join(directory, "c")));
  const list = mediaOf(output);
  const oldest = list.segments[0]!;
  await expect.poll(() => output.find(oldest.uri).found).toBe("stored");
  expect(output.find(list.segments.at(-1)!.uri).found).toBe("data");
  const whole = await fetchFrom(output, oldest.uri);
  const parts = await Promise.all([0, 1, 2, 3].map((n) => fetchFrom(output, oldest.uri.replace(".m4s", `.${n}.m4s`))));
  expect(Buffer.concat(parts.map((part) => part!))).toEqual(whole);
  expect(output.find(oldest.uri.replace(".m4s", ".4.m4s")).found).toBe("nothing");
  await output.close();
});

test("a disk that fails: segments stay in memory", async () => {
  let tries = 0;
  const output = await packaged({
    store: async () => {
      tries++;
      throw new Error("ENOSPC");
    },
    close: async () => {},
  });
  await expect.poll(() => tries).toBeGreaterThan(3);
  for (const { uri } of mediaOf(output).segments) expect(output.find(uri).found).toBe("data");
});
