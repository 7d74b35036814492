/**
 * Whatever goes wrong under a broadcast: one recording, nothing lost that had to be kept, nothing forgotten in the
 * bucket, and it plays through. `SLUICE_LONG=1` keeps things away for longer and kills more often.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import type { Stream } from "#contract/streams";
import type { Vod } from "#contract/vods";
import { inState, playThrough } from "../e2e/recording-page.ts";
import {
  type BroadcastWorld,
  decode,
  Owner,
  objectsOf,
  seconds,
  startBroadcastWorld,
  until,
  type WorldOptions,
} from "../harness/broadcast.ts";
import { launchBrowser } from "../harness/browser.ts";
import { type Encoder, type Stretch, startEncoder } from "../harness/encoder.ts";
import { type Push, type PushOptions, push } from "../harness/push.ts";
import { NO_RATE_LIMITS, startSluice } from "../harness/sluice.ts";

const LONG = process.env.SLUICE_LONG === "1";
const PATIENCE_S = 120;
const TIMEOUT_MS = LONG ? 1_200_000 : 300_000;
/** Of what an encoder sent, for each time that a process is killed. */
const LOSS_MAX_MS = 1_000;
/** A slice of 8 MiB is full after six seconds. */
const LARGE: PushOptions = { video: { gopSeconds: 2, constantBitrate: 11_000_000 } };

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

async function startWorld({ onTestFinished }: TestContext, options: WorldOptions = {}): Promise<BroadcastWorld> {
  const world = await startBroadcastWorld(options);
  onTestFinished(() => world.close());
  return world;
}

function startPush({ onTestFinished }: TestContext, { ingest }: Pick<BroadcastWorld, "ingest">): Push {
  const publisher = push(ingest, LARGE);
  onTestFinished(() => publisher.kill());
  return publisher;
}

function encode({ onTestFinished }: TestContext, { ingest }: BroadcastWorld): Encoder {
  const encoder = startEncoder(ingest, LARGE);
  onTestFinished(() => encoder.stop());
  return encoder;
}

const uploaded = ({ s3 }: BroadcastWorld) => s3.asked("UploadPart").filter(({ status }) => status === 200).length;
const sliceUploaded = (world: BroadcastWorld, count = 1) =>
  until(`${count} slices on S3`, PATIENCE_S, () => uploaded(world) >= count);
const recordings = ({ sluice }: BroadcastWorld) =>
  readdirSync(path.join(sluice.mediaData, "spool/recordings")).filter((name) => name.includes("-"));

/** The push was never interrupted, and all of it is in the recording. */
async function expectWhole(world: BroadcastWorld, publisher: Push): Promise<Vod> {
  const vod = await world.owner.settled(1, PATIENCE_S);
  expect(vod).toMatchObject({ status: "ready", gaps: [], parts: [{ n: 1 }] });
  expect(publisher.errors()).toBe("");
  expect(Math.abs(vod.duration - publisher.sent())).toBeLessThan(1);
  expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
  expectNothingForgotten(world, vod);
  return vod;
}

/** Each object is one that the recording needs, and no upload was left open. */
function expectNothingForgotten({ s3 }: BroadcastWorld, vod: Vod): void {
  const media = [...s3.objects.values()].filter(({ key }) => key.endsWith(".mp4"));
  expect(media.reduce((sum, { size }) => sum + size, 0)).toBe(vod.size);
  expect(media).toHaveLength(vod.parts.length);
  expect(s3.uploads).toEqual([]);
}

async function expectToPlayThrough({ sluice }: BroadcastWorld, vod: Vod): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await inState(page, "playing");
  const { end } = await playThrough(page);
  expect(Math.abs(end - vod.duration)).toBeLessThan(1);
  await page.close();
}

/** What of each connection of the encoder is not in the recording, in ms. */
function lossesOf(stretches: Stretch[], vod: Vod): number[] {
  // Where a part begins on the clock: the recording's own time, and the gaps before it.
  let begin = Date.parse(vod.started_at);
  let at = 0;
  const parts = vod.parts.map(({ duration }) => {
    const gap = vod.gaps.find((each) => Math.abs(each.at - at) < 0.001 && at > 0)?.duration ?? 0;
    begin += gap * 1000;
    const part = { begin, duration };
    begin += duration * 1000;
    at += duration;
    return part;
  });
  return stretches
    .filter(({ sent }) => sent > 0)
    .map(({ begun_at, ended_at, sent }) => {
      const kept = parts.filter(
        (part) => part.begin >= begun_at && part.begin < (ended_at ?? Number.POSITIVE_INFINITY),
      );
      return Math.round((sent - kept.reduce((sum, { duration }) => sum + duration, 0)) * 1000);
    });
}

describe.concurrent("S3", { timeout: TIMEOUT_MS }, () => {
  test("refuses everything for half a minute", async (context) => {
    const world = await startWorld(context);
    const publisher = startPush(context, world);
    await sliceUploaded(world);
    world.s3.unavailable = true;
    await seconds(15);
    await world.s3.stop();
    await seconds(15);
    await world.s3.start();
    world.s3.heal();
    const before = uploaded(world);
    await sliceUploaded(world, before + 1);
    await publisher.stop();
    await expectWhole(world, publisher);
  });

  test("takes 10 kB a second for half a minute", async (context) => {
    const world = await startWorld(context);
    const publisher = startPush(context, world);
    await sliceUploaded(world);
    const asked = world.s3.requests.length;
    world.s3.line.bytesPerSecond = 10_000;
    await seconds(30);
    world.s3.line.bytesPerSecond = null;
    await publisher.stop();
    await expectWhole(world, publisher);
    // Slow is not dead: what was on its way arrived, and was not begun again and again.
    const slices = world.s3.requests.slice(asked).filter(({ operation }) => operation === "UploadPart");
    expect(slices.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test("answers 403 and 500, cuts connections, and forgets that it completed the upload", async (context) => {
    const world = await startWorld(context);
    const { s3 } = world;
    const publisher = startPush(context, world);
    s3.fault({ operation: "CreateMultipartUpload", times: 2, effect: { status: 500, code: "InternalError" } });
    await sliceUploaded(world);
    s3.fault({ operation: "UploadPart", times: 1, effect: { status: 403, code: "AccessDenied" } });
    s3.fault({ operation: "UploadPart", times: 2, effect: { status: 500, code: "InternalError" } });
    s3.fault({ operation: "UploadPart", times: 1, effect: { cut: "body" } });
    s3.fault({ operation: "UploadPart", times: 1, effect: { cut: "answer" } });
    await sliceUploaded(world, 3);
    s3.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { status: 403, code: "AccessDenied" } });
    s3.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { cut: "answer" } });
    await publisher.stop();
    await expectWhole(world, publisher);
    // The third one met an upload that was not there any more.
    expect(s3.asked("CompleteMultipartUpload").map(({ status }) => status)).toEqual([403, null, 404]);
  });
});

describe.concurrent("processes", { timeout: TIMEOUT_MS }, () => {
  test("the media worker is killed again and again, and the encoder comes back each time", async (context) => {
    const world = await startWorld(context);
    const encoder = encode(context, world);
    const victims = ["live", "supervisor", "media"] as const;
    const kills = LONG ? 20 : 4;
    for (let n = 0; n < kills; n++) {
      await until("a connection that stands", PATIENCE_S, () => {
        const last = encoder.stretches().at(-1);
        return last && last.ended_at === null && last.sent > 0.5;
      });
      await seconds(Math.random() * 6);
      const before = encoder.stretches().length;
      for (const pid of world.sluice.pids()[victims[n % 3] ?? "media"]) process.kill(pid, "SIGKILL");
      await until("the encoder to notice", PATIENCE_S, () => encoder.stretches().length > before);
    }
    await until("a connection that stands", PATIENCE_S, () => (encoder.stretches().at(-1)?.sent ?? 0) > 3);
    await encoder.stop();
    const vod = await world.owner.settled(1, PATIENCE_S);
    expect(vod.status).toBe("ready");
    const losses = lossesOf(encoder.stretches(), vod);
    await context.annotate(`lost ${losses.join(", ")} ms`);
    expect(losses.length).toBeGreaterThan(kills);
    expect(Math.max(...losses)).toBeLessThan(LOSS_MAX_MS);
    expect(vod.gaps.length).toBeGreaterThan(0);
    expectNothingForgotten(world, vod);
    expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
    await expectToPlayThrough(world, vod);
  });

  test("workerd is killed in mid-recording, and while the recording is completed", async (context) => {
    const world = await startWorld(context);
    const killWorkerd = () => {
      for (const pid of world.sluice.pids().workerd) process.kill(pid, "SIGKILL");
    };
    const publisher = startPush(context, world);
    await sliceUploaded(world);
    killWorkerd();
    await sliceUploaded(world, uploaded(world) + 1);
    killWorkerd();
    await sliceUploaded(world, uploaded(world) + 1);
    // It completes the upload, and does not live to hear of it.
    world.s3.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { cut: "answer" } });
    await publisher.stop();
    await until("the upload to be completed", PATIENCE_S, () => world.s3.asked("CompleteMultipartUpload").length > 0);
    killWorkerd();
    const vod = await expectWhole(world, publisher);
    await expectToPlayThrough(world, vod);
  });
});

describe.concurrent("Sluice is started again in mid-broadcast", { timeout: TIMEOUT_MS }, () => {
  test.for(LONG ? ["SIGKILL", "SIGTERM"] : ["SIGKILL"])("after %s", async (signal, context) => {
    const data = mkdtempSync(path.join(tmpdir(), "sluice-again-"));
    context.onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    const options = { data, env: { SLUICE_ADMIN_PASSWORD: "correct horse battery", ...NO_RATE_LIMITS } };
    const first = await startSluice(options);
    context.onTestFinished(() => first.stop());
    const publisher = startPush(context, { ingest: `${first.rtmp}/${first.streamKey}` });
    await until("a slice", PATIENCE_S, () => publisher.sent() > 10 + Math.random() * 4);
    const sent = publisher.sent();
    if (signal === "SIGTERM") await first.stop();
    else for (const pid of first.pids().all) process.kill(pid, "SIGKILL");
    await first.exited;
    await publisher.kill();

    const again = await startSluice(options);
    context.onTestFinished(() => again.stop());
    const vod = await new Owner(again).settled(1, PATIENCE_S);
    expect(vod).toMatchObject({ status: "ready", gaps: [], parts: [{ n: 1 }] });
    expect((sent - vod.duration) * 1000).toBeLessThan(LOSS_MAX_MS);
    expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
    expect((await objectsOf(again.s3)).filter((key) => key.endsWith(".mp4"))).toHaveLength(1);
  });
});

describe.concurrent("the S3 that comes with it", { timeout: TIMEOUT_MS }, () => {
  test("is killed with workerd, in whose process it is", async (context) => {
    const sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery", ...NO_RATE_LIMITS } });
    context.onTestFinished(() => sluice.stop());
    const publisher = startPush(context, { ingest: `${sluice.rtmp}/${sluice.streamKey}` });
    const kill = () => {
      for (const pid of sluice.pids().workerd) process.kill(pid, "SIGKILL");
    };
    for (let n = 0; n < (LONG ? 20 : 3); n++) {
      await seconds(3 + Math.random() * 6);
      kill();
    }
    await publisher.stop();
    await seconds(Math.random());
    kill();
    const vod = await new Owner(sluice).settled(1, PATIENCE_S);
    expect(vod).toMatchObject({ status: "ready", gaps: [], parts: [{ n: 1 }] });
    expect(Math.abs(vod.duration - publisher.sent())).toBeLessThan(1);
    expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
    expect((await objectsOf(sluice.s3)).filter((key) => key.endsWith(".mp4"))).toHaveLength(1);
  });
});

describe.concurrent("the control plane is away", { timeout: TIMEOUT_MS }, () => {
  const AWAY_S = LONG ? 60 : 15;

  test("frozen", async (context) => {
    const world = await startWorld(context);
    const publisher = startPush(context, world);
    await sliceUploaded(world);
    const [workerd = 0] = world.sluice.pids().workerd;
    process.kill(workerd, "SIGSTOP");
    try {
      await seconds(AWAY_S);
    } finally {
      process.kill(workerd, "SIGCONT");
    }
    await sliceUploaded(world, uploaded(world) + 1);
    await publisher.stop();
    await expectWhole(world, publisher);
  });

  test("killed whenever it comes back, and the broadcast ends meanwhile", async (context) => {
    const world = await startWorld(context);
    const publisher = startPush(context, world);
    await sliceUploaded(world);
    const deadline = performance.now() + AWAY_S * 1000;
    let stopped: Promise<void> | null = null;
    while (performance.now() < deadline) {
      for (const pid of world.sluice.pids().workerd) process.kill(pid, "SIGKILL");
      if (performance.now() > deadline - 4_000) stopped ??= publisher.stop();
      await seconds(0.2);
    }
    await stopped;
    await expectWhole(world, publisher);
  });
});

describe.concurrent("the disk", { timeout: TIMEOUT_MS }, () => {
  const WARNINGS = { spool_full: "Too much is waiting to be uploaded", disk: "The disk does not take the recording" };

  /** The streamer is told; viewers go on; once there is room it is recorded again. */
  async function expectRefusal(context: TestContext, world: BroadcastWorld, cause: keyof typeof WARNINGS) {
    const { sluice, owner, s3 } = world;
    s3.unavailable = true;
    const publisher = startPush(context, world);
    const warnings = async () =>
      (await owner.call<{ stream: Stream }>(`/api/streams/${sluice.streamId}`)).stream.warnings ?? [];
    expect(await until("a warning", PATIENCE_S, async () => (await warnings())[0])).toContain(WARNINGS[cause]);
    /** How far the stream is for its viewers: the number of the next segment. */
    const media = async () => {
      const reply = await fetch(`${sluice.url}/api/stream/${sluice.publicKey}/hls/index.m3u8`);
      const rendition = /^[^#\s].*$/m.exec(await reply.text())?.[0] ?? "";
      const list = await (await fetch(new URL(rendition, reply.url))).text();
      return Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(list)?.[1]) + (list.match(/#EXTINF/g)?.length ?? 0);
    };
    const seen = await media();
    await until("the stream to go on", PATIENCE_S, async () => (await media()) > seen + 3);
    const before = recordings(world);
    expect(before).toHaveLength(1);
    s3.heal();
    // What was recorded goes up and makes room: a second part begins.
    await until("a second part", PATIENCE_S, () => recordings(world).some((name) => !before.includes(name)));
    await until("the warning to be taken back", PATIENCE_S, async () => (await warnings()).length === 0);
    await seconds(3);
    expect(publisher.process.exitCode).toBeNull();
    await publisher.stop();
    expect(publisher.errors()).toBe("");
    const vod = await owner.settled(1, PATIENCE_S);
    expect(vod.status).toBe("ready");
    expect(vod.parts.length).toBeGreaterThan(1);
    expect(vod.gaps[0]).toMatchObject({ cause });
    const missing = vod.gaps.reduce((sum, { duration }) => sum + duration, 0);
    expect(Math.abs(vod.duration + missing - publisher.sent())).toBeLessThan(1);
    expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
    expectNothingForgotten(world, vod);
  }

  test("has no room in the spool while S3 is away", async (context) => {
    const world = await startWorld(context, { env: { SLUICE_SPOOL_MAX_GB: "0.03" } });
    await expectRefusal(context, world, "spool_full");
  });

  test("is full while S3 is away", async (context) => {
    const data = mkdtempSync(path.join(tmpdir(), "sluice-disk-"));
    const spool = path.join(data, "media/spool");
    mkdirSync(spool, { recursive: true });
    context.onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", spool], { stdio: "ignore" });
    } catch {
      context.skip("may not mount a small disk here");
    }
    context.onTestFinished(() => void execFileSync("umount", [spool]));
    const world = await startWorld(context, { data });
    await expectRefusal(context, world, "disk");
  });
});
