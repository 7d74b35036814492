/** The poster and the storyboard of recordings, made by the real FFmpeg from what a server of ranges holds. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Frame, TaskOrder } from "#contract/tasks";
import { thumbnailExecutor } from "../../media-worker/tasks/thumbnail.ts";
import { boxes } from "../harness/mp4.ts";
import { type RangeServer, startRangeServer } from "../harness/range-server.ts";

type Order = Extract<TaskOrder, { kind: "thumbnail" }>;
type Recording = { bytes: Buffer; init_bytes: number; fragments: { offset: number; size: number }[] };
type Rgb = [number, number, number];

const COLOURS = { red: [255, 0, 0], lime: [0, 255, 0], blue: [0, 0, 255], white: [255, 255, 255] } as const;
const NAMES = Object.keys(COLOURS) as (keyof typeof COLOURS)[];
const TILE = { tile_width: 160, tile_height: 90 };

const folder = mkdtempSync(path.join(tmpdir(), "thumbnail-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A colour each second, a keyframe each second, B-frames between them. */
async function record(name: string, size: string, extra: string[] = [], filter = ""): Promise<Recording> {
  const file = path.join(folder, `${name}.mp4`);
  const inputs = NAMES.map((colour, i) => `color=c=${colour}:s=${size}:r=25:d=1[c${i}]`).join(";");
  const graph = `${inputs};${NAMES.map((_, i) => `[c${i}]`).join("")}concat=n=${NAMES.length}${filter},format=yuv420p[v]`;
  const encode = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-g",
    "25",
    "-keyint_min",
    "25",
    "-sc_threshold",
    "0",
    "-bf",
    "3",
  ];
  await promisify(execFile)("ffmpeg", [
    ...["-hide_banner", "-loglevel", "error", "-y", "-filter_complex", graph, "-map", "[v]", ...encode, ...extra],
    ...["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", file],
  ]);
  const bytes = readFileSync(file);
  const top = boxes(bytes);
  const moov = top.find((box) => box.type === "moov");
  const fragments = top.flatMap((box, i) => {
    const mdat = top[i + 1];
    return box.type === "moof" && mdat ? [{ offset: box.start - 8, size: mdat.end - box.start + 8 }] : [];
  });
  return { bytes, init_bytes: moov?.end ?? 0, fragments };
}

/** Where the keyframe's bytes lie: `mdat` holds it first. */
const mediaOf = ({ bytes, fragments }: Recording, n: number) => {
  const { offset = 0, size = 0 } = fragments[n] ?? {};
  const moof = bytes.readUInt32BE(offset);
  return bytes.subarray(offset + moof + 8, offset + size);
};

const framesOf = (recording: Recording, source = 0): Frame[] =>
  recording.fragments.map((fragment, at) => ({ source, ...fragment, at }));

let wide: Recording;
let narrow: Recording;
let tall: Recording;
beforeAll(async () => {
  [wide, narrow, tall] = await Promise.all([
    record("wide", "1920x1080"),
    record("narrow", "320x240", ["-profile:v", "main"]),
    // Pixels twice as wide as high: shown as 640x320.
    record("anamorphic", "320x320", [], ",setsar=2/1"),
  ]);
});

let server: RangeServer;
let stop: AbortController;
beforeEach(async () => {
  server = await startRangeServer();
  stop = new AbortController();
});
afterEach(() => server.stop());

function order(recordings: Recording[], frames: Frame[], poster = frames[0]): Order {
  recordings.forEach(({ bytes }, i) => {
    server.objects.set(`part${i}`, bytes);
  });
  if (!poster) throw new Error("a poster is needed");
  const columns = Math.max(1, Math.ceil(Math.sqrt(frames.length)));
  return {
    kind: "thumbnail",
    sources: recordings.map(({ init_bytes }, i) => ({ url: server.url(`part${i}`), init_bytes })),
    poster,
    frames,
    storyboard: { columns, rows: Math.max(1, Math.ceil(frames.length / columns)), ...TILE },
    put_poster: server.url("poster"),
    put_storyboard: server.url("storyboard"),
  };
}

const make = (task: Order) => thumbnailExecutor()(task, stop.signal);

/** A JPEG that was put, decoded. */
function picture(name: string) {
  const put = server.put.get(name);
  expect(put?.type).toBe("image/jpeg");
  const probe = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", "-"];
  const [codec, width = 0, height = 0] = String(spawnSync("ffprobe", probe, { input: put?.body }).stdout)
    .trim()
    .split(",")
    .map((field, i) => (i === 0 ? field : Number(field))) as [string, number, number];
  expect(codec).toBe("mjpeg");
  const decode = ["-v", "error", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"];
  const pixels = spawnSync("ffmpeg", decode, { input: put?.body, maxBuffer: 1 << 28 }).stdout;
  const at = (x: number, y: number): Rgb => [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)] as Rgb;
  return { width, height, at };
}

const near = (colour: Rgb, wanted: readonly number[]) =>
  colour.every((value, i) => Math.abs(value - (wanted[i] ?? 0)) < 40);
const nameOf = (colour: Rgb) =>
  NAMES.find((name) => near(colour, COLOURS[name])) ?? (near(colour, [0, 0, 0]) ? "black" : colour.join());

/** The colour in the middle of each tile. */
function tiles(count: number): string[] {
  const { at, width } = picture("storyboard");
  const columns = width / TILE.tile_width;
  return Array.from({ length: count }, (_, i) =>
    nameOf(at((i % columns) * 160 + 80, Math.floor(i / columns) * 90 + 45)),
  );
}

describe("the pictures of a recording", () => {
  test("are the frames that were asked for, in their order", async () => {
    await make(order([wide], framesOf(wide), framesOf(wide)[2]));
    expect(tiles(4)).toEqual(NAMES);
    const poster = picture("poster");
    expect(poster).toMatchObject({ width: 1280, height: 720 });
    expect(nameOf(poster.at(640, 360))).toBe("blue");
    expect(picture("storyboard")).toMatchObject({ width: 320, height: 180 });
  });

  test("keep their aspect when the resolution changes between parts", async () => {
    const frames = [...framesOf(wide), ...framesOf(narrow, 1), ...framesOf(tall, 2), ...framesOf(wide)];
    await make(order([wide, narrow, tall], frames, framesOf(tall, 2)[0]));
    expect(tiles(16)).toEqual([...NAMES, ...NAMES, ...NAMES, ...NAMES]);
    const { at } = picture("storyboard");
    // 4:3 in 16:9: bars of 20 pixels left and right; 2:1: bars of 5 above and below.
    expect([at(10, 135), at(150, 135), at(30, 135)].map(nameOf)).toEqual(["black", "black", "red"]);
    expect([at(80, 181), at(80, 225)].map(nameOf)).toEqual(["black", "red"]);
    expect(picture("poster")).toMatchObject({ width: 640, height: 320 });
  });

  test("cost little of the recording, whatever the runs' sizes", async () => {
    const padded: Recording = { ...wide, bytes: Buffer.concat([wide.bytes, Buffer.alloc(8 << 20)]) };
    await make(
      order(
        [padded],
        framesOf(padded).map((frame) => ({ ...frame, size: 2 << 20 })),
      ),
    );
    expect(tiles(4)).toEqual(NAMES);
    expect(server.sent).toBeLessThan(1 << 20);
    expect(server.requests.filter((line) => line.startsWith("GET")).every((line) => line.includes("bytes="))).toBe(
      true,
    );
  });

  test("are made of 225 frames in one go", async () => {
    const frames = Array.from({ length: 225 }, (_, i) => framesOf(wide)[i % 4] as Frame);
    await make(order([wide], frames));
    expect(tiles(225)).toEqual(frames.map((_, i) => NAMES[i % 4]));
  });
});

describe("what is broken", () => {
  /** With the bytes of keyframe `n` spoilt. */
  const spoilt = (recording: Recording, ...keyframes: number[]): Recording => {
    const copy = { ...recording, bytes: Buffer.from(recording.bytes) };
    for (const n of keyframes) mediaOf(copy, n).fill(0xa5);
    return copy;
  };

  test("is a black tile, and the poster is another frame", async () => {
    const recording = spoilt(wide, 0, 2);
    await make(order([recording], framesOf(recording)));
    expect(tiles(4)).toEqual(["black", "lime", "black", "white"]);
    expect(nameOf(picture("poster").at(640, 360))).toBe("lime");
  });

  test("may be all of a long beginning", async () => {
    const recording = spoilt(wide, 0);
    const [broken, good] = framesOf(recording) as [Frame, Frame];
    await make(order([recording], [...Array.from({ length: 30 }, () => broken), good]));
    expect(tiles(31)).toEqual([...Array.from({ length: 30 }, () => "black"), "lime"]);
  });

  test("may be the place itself: no fragment there, or beyond the end", async () => {
    const [first, , third] = framesOf(wide) as [Frame, Frame, Frame];
    const frames = [first, { ...first, offset: first.offset + 7 }, third];
    await make(order([wide], frames));
    expect(tiles(3)).toEqual(["red", "black", "blue"]);
  });

  test("all of it is the input's fault, and nothing is put", async () => {
    const recording = spoilt(wide, 0, 1, 2, 3);
    await expect(make(order([recording], framesOf(recording)))).rejects.toMatchObject({ blame: "input" });
    expect(server.put.size).toBe(0);
  });
});

describe("the storage", () => {
  test("may fail for a moment", async () => {
    server.statuses.push(503, 500);
    await make(order([narrow], framesOf(narrow)));
    expect(tiles(4)).toEqual(NAMES);
  });

  test("that refuses is upstream's fault, and is not asked again and again", async () => {
    const task = order([narrow], framesOf(narrow));
    server.objects.clear();
    await expect(make(task)).rejects.toMatchObject({ blame: "upstream", message: "the storage answered 404" });
    expect(server.requests.filter((line) => line.startsWith("GET")).length).toBeLessThan(5);
  });

  test("that is away is upstream's fault", async () => {
    const task = order([narrow], framesOf(narrow));
    await server.stop();
    await expect(make(task)).rejects.toMatchObject({ blame: "upstream" });
  });
});

test("a stop ends it, and leaves no FFmpeg behind", async () => {
  const frames = Array.from({ length: 225 }, () => framesOf(wide)[0] as Frame);
  const made = make(order([wide], frames));
  while (server.requests.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error("not wanted any more"));
  await expect(made).rejects.toThrow("not wanted any more");
  expect(server.put.size).toBe(0);
  const children = spawnSync("ps", ["--ppid", String(process.pid), "-o", "comm="]).stdout.toString();
  expect(children).not.toContain("ffmpeg");
});

test("without FFmpeg it says so", async () => {
  const { PATH } = process.env;
  process.env.PATH = folder;
  try {
    const failed = make(order([narrow], framesOf(narrow)));
    await expect(failed).rejects.toMatchObject({ blame: "internal", message: "FFmpeg is not installed" });
  } finally {
    process.env.PATH = PATH;
  }
});
