/** Parts of the uploader, each by itself. What they come to together is in test/media/uploads.test.ts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Addresses } from "../../media-worker/upload/addresses.ts";
import { UploadJournal } from "../../media-worker/upload/journal.ts";
import { Patience } from "../../media-worker/upload/patience.ts";
import { Rest } from "../../media-worker/upload/rest.ts";
import { Slots } from "../../media-worker/upload/slots.ts";

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 21);
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("slots", () => {
  const work = () => Promise.withResolvers<void>();

  it("are taken in turn: whoever comes back queues behind all others", async () => {
    const slots = new Slots(1);
    const { signal } = new AbortController();
    const order: string[] = [];
    const often = async (name: string) => {
      for (let i = 0; i < 3; i++) await slots.run(signal, async () => void order.push(name));
    };
    await Promise.all(["a", "b", "c"].map(often));
    expect(order.join("")).toBe("abcabcabc");
  });

  it("are given back by work that fails, and by nobody who gave up waiting", async () => {
    const slots = new Slots(2);
    const stop = new AbortController();
    const [first, second] = [work(), work()];
    const running = [first, second].map(({ promise }) => slots.run(new AbortController().signal, () => promise));
    const never = vi.fn();
    const waiting = slots.run(stop.signal, never);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    await expect(slots.run(stop.signal, never)).rejects.toThrow("stopped");
    expect(never).not.toHaveBeenCalled();
    first.reject(new Error("failed"));
    await expect(running[0]).rejects.toThrow("failed");
    second.resolve();
    const { signal } = new AbortController();
    let most = 0;
    let now = 0;
    const count = async () => {
      most = Math.max(most, ++now);
      await settled();
      now--;
    };
    await Promise.all(Array.from({ length: 6 }, () => slots.run(signal, count)));
    expect(most).toBe(2);
  });
});

describe("addresses", () => {
  let now = T0;
  let skew = 0;
  const sign = vi.fn(async (from: number, count: number) => ({
    urls: Array.from({ length: count }, (_, i) => ({
      n: from + i,
      url: `http://s3/${from + i}/${sign.mock.calls.length}`,
    })),
    expires_at: now + skew + HOUR,
  }));
  let addresses: Addresses;
  beforeEach(() => {
    now = T0;
    skew = 0;
    sign.mockClear();
    addresses = new Addresses(sign, () => now);
  });

  it("are asked for in batches, and used while they are good", async () => {
    expect(await addresses.of(1, 16)).toBe("http://s3/1/1");
    expect(await addresses.of(16, 16)).toBe("http://s3/16/1");
    now += HOUR - 2 * 60_000;
    expect(await addresses.of(2, 16)).toBe("http://s3/2/1");
    now += 60_000;
    expect(await addresses.of(2, 3)).toBe("http://s3/2/2");
    expect(sign.mock.calls).toEqual([
      [1, 16],
      [2, 3],
    ]);
  });

  it("are signed anew when S3 refuses them, and once they are used", async () => {
    await addresses.of(1, 2);
    addresses.used(1);
    expect(await addresses.of(1, 1)).toBe("http://s3/1/2");
    expect(await addresses.of(2, 1)).toBe("http://s3/2/1");
    addresses.forget();
    expect(await addresses.of(2, 1)).toBe("http://s3/2/3");
  });

  it("are taken as they are where our clock is hours ahead", async () => {
    skew = -5 * HOUR;
    expect(await addresses.of(1, 1)).toBe("http://s3/1/1");
  });
});

describe("patience", () => {
  const SLICE = 8 * 1024 * 1024;

  it("is short on a line that is fast, and long on one that is slow", () => {
    const patience = new Patience(30_000);
    expect(patience.standstill(SLICE)).toBe(30_000);
    patience.took(SLICE, 1_000);
    expect(patience.standstill(SLICE)).toBeLessThan(35_000);
    patience.took(SLICE, 800_000);
    // 4 MiB at 10 kB/s.
    expect(patience.standstill(SLICE)).toBeCloseTo(30_000 + 419_430, -3);
    expect(patience.standstill(1_000)).toBe(30_100);
  });

  it("is as long as it can be after a standstill, until the line is seen to be fast", () => {
    const patience = new Patience(30_000);
    patience.stalled();
    expect(patience.standstill(SLICE)).toBeGreaterThan(400_000);
    patience.took(SLICE, 500);
    expect(patience.standstill(SLICE)).toBeLessThan(35_000);
  });
});

describe("rest", () => {
  const stop = new AbortController();
  const state = (promise: Promise<void>) => Promise.race([promise.then(() => "over"), settled().then(() => "rests")]);

  it("ends by a poke, also one that came before", async () => {
    const rest = new Rest(stop.signal);
    const first = rest.untilPoked(60_000);
    expect(await state(first)).toBe("rests");
    expect(rest.isResting).toBe(true);
    rest.poke();
    expect(await state(first)).toBe("over");
    rest.poke();
    expect(await state(rest.untilPoked(60_000))).toBe("over");
    const last = rest.untilPoked(60_000);
    expect(await state(last)).toBe("rests");
    rest.poke();
    await last;
  });

  it("after a failure is not cut short by a poke, which is remembered, but by good news", async () => {
    const rest = new Rest(stop.signal);
    const wait = rest.untilHurried(60_000);
    rest.poke();
    expect(await state(wait)).toBe("rests");
    rest.hurry();
    expect(await state(wait)).toBe("over");
    expect(await state(rest.untilPoked(60_000))).toBe("over");
  });

  it("ends by itself, and when all is to end", async () => {
    await new Rest(stop.signal).untilPoked(1);
    const end = new AbortController();
    const rest = new Rest(end.signal);
    const wait = rest.untilHurried(60_000);
    end.abort();
    await wait;
    await rest.untilPoked(60_000);
  });
});

describe("the journal", () => {
  let folder: string;
  const slice = (n: number, etag = `"${n}"`) => ({ n, size: 100, etag });
  const open = async () => {
    const journal = new UploadJournal(folder);
    await journal.load();
    return journal;
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "sluice-journal-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  });

  it("knows after a crash what was uploaded", async () => {
    const journal = await open();
    await journal.opened("p1");
    await journal.uploaded(slice(1), false);
    journal.heard({ slices: 1, runs: 3 });
    await journal.uploaded(slice(2), false);
    await journal.uploaded(slice(1, '"new"'), true);
    const again = await open();
    expect(again.partId).toBe("p1");
    expect(again.slices).toEqual([slice(1, '"new"'), slice(2)]);
    expect(again.indexed).toBe(true);
    expect(again.reported).toEqual({ slices: 1, runs: 3 });
    await again.opened("p1");
    expect(again.slices).toHaveLength(2);
    await again.discard("deleted");
    expect((await open()).discarded).toBe("deleted");
  });

  it("is worth nothing under another id, and empty when it cannot be read", async () => {
    const journal = await open();
    await journal.opened("p1");
    await journal.uploaded(slice(1), true);
    await journal.opened("p2");
    expect([journal.slices, journal.indexed]).toEqual([[], false]);
    expect(JSON.parse(readFileSync(path.join(folder, "upload.json"), "utf8")).part_id).toBe("p2");
    for (const text of ["", "{", '{"version":2}']) {
      writeFileSync(path.join(folder, "upload.json"), text);
      expect((await open()).partId).toBeNull();
    }
  });
});
