/** Long ranges of recordings: what is asked of the bucket while somebody reads. */
import { expect, test } from "vitest";
import { piecewise } from "../../workers/vods/piecewise.ts";

const MIB = 1024 * 1024;

/** An object whose bytes tell their place; pieces that begin in `broken` are refused. */
function object(broken = Number.POSITIVE_INFINITY) {
  const asked: [number, number][] = [];
  const pumps: Promise<unknown>[] = [];
  const get = async (start: number, end: number) => {
    asked.push([start, end]);
    if (start >= broken) throw new Error("gone");
    const body = new Response(new Uint8Array(end - start).map((_, n) => (start + n) % 251)).body;
    if (!body) throw new Error("no body");
    return body;
  };
  const open = (start: number, end: number) => piecewise(get, { start, end }, (promise) => pumps.push(promise));
  return { asked, pumps, open };
}

test("a short range is asked for once", async () => {
  const { asked, open } = object();
  const bytes = new Uint8Array(await new Response(await open(10, 3010)).arrayBuffer());
  expect([bytes.length, bytes[0], asked]).toEqual([3000, 10, [[10, 3010]]]);
});

test("a long one is joined of pieces that grow, without a gap", async () => {
  const { asked, open } = object();
  const bytes = new Uint8Array(await new Response(await open(5, 30 * MIB)).arrayBuffer());
  expect(asked.map(([start, end]) => end - start)).toEqual([8 * MIB, 16 * MIB, 6 * MIB - 5]);
  expect(bytes.length).toBe(30 * MIB - 5);
  expect(bytes.findIndex((byte, n) => byte !== (n + 5) % 251)).toBe(-1);
});

test("who leaves after the first bytes costs no further piece", async () => {
  const { asked, pumps, open } = object();
  const reader = (await open(0, 1024 * MIB)).getReader();
  await reader.read();
  await reader.cancel();
  await Promise.all(pumps);
  expect(asked).toEqual([[0, 8 * MIB]]);
});

test("a bucket that fails: at once it is told, later the stream is cut off", async () => {
  await expect(object(0).open(0, 1024 * MIB)).rejects.toThrow("gone");
  const { pumps, open } = object(8 * MIB);
  const body = new Response(await open(0, 20 * MIB)).arrayBuffer();
  await expect(body).rejects.toThrow();
  await Promise.all(pumps);
});
