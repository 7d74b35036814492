/** The RTMP server and media: sent by a raw publisher, by FFmpeg, and behind TLS. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startRtmpServer } from "../../media-worker/servers/rtmp/server.ts";
import { eventually } from "../harness/eventually.ts";
import { enhancedAudio, enhancedVideo, makeH265Source, makeSource } from "../harness/h264-source.ts";
import { IngestRecorder } from "../harness/ingest-recorder.ts";
import { push } from "../harness/push.ts";
import { feed, openPublisher, openSocket } from "../harness/rtmp-publisher.ts";
import { AT_ONCE, publishing, quietLog, STARTED, startRecorder, unitsOf } from "../harness/rtmp-server.ts";

describe("media", () => {
  test.each([128, 1, 4096, 60_000, 16 * 1024 * 1024])("arrives as it was sent, in chunks of %i", async (chunkSize) => {
    const { publisher, session } = await publishing();
    const source = await makeSource({ seconds: 2, video: { bFrames: 2 } });
    publisher.setChunkSize(chunkSize);
    await feed(publisher, source, AT_ONCE);
    publisher.deleteStream();
    expect(await publisher.nextStatus()).toMatchObject({ level: "status", code: "NetStream.Unpublish.Success" });
    await publisher.closed;
    expect(session.request).toEqual({ protocol: "rtmp", app: "live", key: "live_key", ip: "127.0.0.1" });
    expect(session.announced).toMatchObject([{ video: true, audio: true, frame_rate: 30 }]);
    expect(session.videoConfigs).toEqual([{ codec: "h264", record: source.videoHeader?.subarray(5) }]);
    expect(session.audioConfigs).toEqual([{ codec: "aac", record: source.audioHeader?.subarray(2) }]);
    expect(session.units).toEqual(unitsOf(source));
    expect(session.ended).toBe("finished");
    expect(session.late).toBe(0);
  });

  test.each([
    ["over the wrap at 2^32 ms", 2 ** 32 - 500],
    ["over 2^24 ms, where time stamps become longer", 2 ** 24 - 500],
  ])("goes on %s", async (_name, begin) => {
    for (const repeatExtended of [true, false]) {
      const { publisher, session } = await publishing();
      publisher.chunks.repeatExtended = repeatExtended;
      const source = await makeSource({ seconds: 2 });
      await feed(publisher, source, { ...AT_ONCE, timestamp: (t) => t + begin });
      publisher.fin();
      await publisher.closed;
      expect(session.units).toEqual(unitsOf(source, (t) => t + begin));
    }
  });

  test("jumps where the publisher jumps", async () => {
    const { publisher, session } = await publishing();
    const source = await makeSource({ seconds: 2, audio: null });
    const jump = (t: number) => (t < 1000 ? t + 7_200_000 : t < 1500 ? t : t + 3_600_000);
    await feed(publisher, source, { ...AT_ONCE, timestamp: jump });
    publisher.fin();
    await publisher.closed;
    expect(session.units).toEqual(unitsOf(source, jump));
  });

  test("in the enhanced form is the same media", async () => {
    const { publisher, session } = await publishing();
    const source = await makeSource({ seconds: 2, video: { bFrames: 2 } });
    await feed(
      publisher,
      {
        metadata: { ...source.metadata, videocodecid: 0x61766331, audiocodecid: 0x6d703461 },
        videoHeader: enhancedVideo(source.videoHeader!),
        audioHeader: enhancedAudio(source.audioHeader!),
        tags: source.tags.map((tag) => {
          return { ...tag, body: tag.kind === "video" ? enhancedVideo(tag.body) : enhancedAudio(tag.body) };
        }),
      },
      AT_ONCE,
    );
    publisher.fin();
    await publisher.closed;
    expect(session.announced).toMatchObject([{ video: true, audio: true }]);
    expect(session.units).toEqual(unitsOf(source));
  });

  test("of an open GOP has one keyframe, the IDR picture", async () => {
    const { publisher, session } = await publishing();
    const source = await makeSource({ seconds: 3, video: { openGop: true, bFrames: 2 }, audio: null });
    expect(source.tags.filter((tag) => tag.key).length).toBe(3);
    await feed(publisher, source, AT_ONCE);
    publisher.fin();
    await publisher.closed;
    expect(session.pictures.filter((unit) => unit.key).length).toBe(1);
  });

  test("with MP3 is the video alone, and a warning", async () => {
    const { publisher, session } = await publishing();
    const source = await makeSource({ seconds: 1, audio: { codec: "mp3" } });
    await feed(publisher, source, AT_ONCE);
    publisher.fin();
    await publisher.closed;
    expect(session.droppedCodecs).toEqual(["MP3"]);
    expect(session.announced).toMatchObject([{ video: true, audio: false }]);
    expect(session.units).toEqual(unitsOf(source).filter((unit) => unit.kind === "video"));
  });

  test.each(["enhanced", "codec-12"] as const)("in H.265 (%s) is refused with what to change", async (form) => {
    const { publisher, session } = await publishing();
    await feed(publisher, await makeH265Source(form), AT_ONCE);
    expect(await publisher.nextStatus()).toEqual({
      level: "error",
      code: "NetStream.Publish.Rejected",
      description: "H.265 (HEVC) video is not supported: set the encoder's video codec to H.264.",
    });
    await publisher.closed;
    expect(session.ended).toBe("unsupported");
  });

  test("in MP3 alone is refused", async () => {
    const { publisher, session } = await publishing();
    await feed(publisher, await makeSource({ seconds: 1, video: null, audio: { codec: "mp3" } }), AT_ONCE);
    expect(await publisher.nextStatus()).toMatchObject({
      code: "NetStream.Publish.Rejected",
      description: "MP3 audio is not supported: set the encoder's audio codec to AAC.",
    });
    expect(session.ended).toBe("unsupported");
  });
});

describe("FFmpeg", () => {
  test("pushes H.264 with B-frames and AAC", async () => {
    const { ingest, url } = await startRecorder();
    const ffmpeg = push(`${url}/live_key`, { seconds: 3, video: { bFrames: 2 } });
    expect([await ffmpeg.exited, ffmpeg.errors()]).toEqual([0, ""]);
    const [session] = ingest.sessions;
    expect(session?.ended).toBe("finished");
    expect(session?.pictures.length).toBe(90);
    expect(session?.pictures.filter((unit) => unit.key).length).toBe(2);
    expect(session?.pictures.some((unit) => unit.cts > 0)).toBe(true);
    expect(session?.sounds.length).toBeGreaterThanOrEqual(140);
  });

  test("pushes audio alone", async () => {
    const { ingest, url } = await startRecorder();
    const ffmpeg = push(`${url}/live_key`, { seconds: 2, video: null, audio: { sampleRate: 44_100, channels: 1 } });
    expect([await ffmpeg.exited, ffmpeg.errors()]).toEqual([0, ""]);
    const [session] = ingest.sessions;
    expect(session?.announced).toMatchObject([{ video: false, audio: true }]);
    expect(session?.videoConfigs).toEqual([]);
    expect(session?.sounds.length).toBeGreaterThanOrEqual(86);
  });

  test("shows why it is not let in", async () => {
    const { ingest, url } = await startRecorder();
    ingest.answer = () => ({ ok: false, reason: "unknown_key", message: "This stream key is unknown." });
    const ffmpeg = push(`${url}/wrong`, { seconds: 5 });
    expect(await ffmpeg.exited).not.toBe(0);
    expect(ffmpeg.errors()).toContain("This stream key is unknown.");
  });

  test("shows that another encoder took over", async () => {
    const { ingest, url } = await startRecorder();
    const ffmpeg = push(`${url}/live_key`, { seconds: 20 });
    await eventually(() => expect(ingest.sessions[0]?.units.length).toBeGreaterThan(20));
    ingest.sessions[0]?.connection.close("taken_over");
    expect(await ffmpeg.exited).not.toBe(0);
  });
});

describe("RTMPS", () => {
  test("is RTMP behind TLS", async () => {
    const { ingest, port } = await startRecorder({ tls: selfSigned() });
    const publisher = await openPublisher({ port, tls: true });
    expect(await publisher.publish("live_key")).toMatchObject(STARTED);
    const source = await makeSource({ seconds: 2 });
    await feed(publisher, source, AT_ONCE);
    publisher.deleteStream();
    await publisher.closed;
    expect(ingest.requests[0]?.protocol).toBe("rtmps");
    expect(ingest.sessions[0]?.units).toEqual(unitsOf(source));
    expect(ingest.sessions[0]?.ended).toBe("finished");
    // Plain RTMP on that port harms nobody.
    const plain = await openSocket({ port });
    plain.raw(Buffer.alloc(2000, 3));
    await plain.closed;
    expect(await (await openPublisher({ port, tls: true })).publish("k")).toMatchObject(STARTED);
  });
});

function selfSigned(): { key: string; cert: string } {
  const directory = mkdtempSync(path.join(tmpdir(), "sluice-tls-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [key, cert] = [path.join(directory, "key.pem"), path.join(directory, "cert.pem")];
  const args = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"];
  execFileSync("openssl", ["req", "-x509", ...args, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

test("a port that is taken is an error", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const start = startRtmpServer({ host: "127.0.0.1", port, ingest: new IngestRecorder(), log: quietLog });
  await expect(start).rejects.toMatchObject({ code: "EADDRINUSE" });
});
