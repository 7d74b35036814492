/** The RTMP server, spoken to over real sockets by a raw publisher and by FFmpeg. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { MESSAGE } from "../../media-worker/servers/rtmp/chunk.ts";
import { startRtmpServer } from "../../media-worker/servers/rtmp/server.ts";
import { RefuseReason } from "../../schema/contract/media.ts";
import { enhancedAudio, enhancedVideo, makeH265Source, makeSource } from "../harness/h264-source.ts";
import { IngestRecorder } from "../harness/ingest-recorder.ts";
import { push } from "../harness/push.ts";
import { feed, openPublisher, openSocket } from "../harness/rtmp-publisher.ts";
import { quietLog, startRecorder } from "../harness/rtmp-server.ts";

const STARTED = { level: "status", code: "NetStream.Publish.Start" };
const AT_ONCE = { speed: Number.POSITIVE_INFINITY };

/** A publisher that has been let in, and the hub's side of it. */
async function publishing(options: Parameters<typeof startRecorder>[0] = {}) {
  const started = await startRecorder(options);
  const publisher = await openPublisher({ port: started.port });
  expect(await publisher.publish("live_key")).toMatchObject(STARTED);
  const session = started.ingest.sessions[0]!;
  return { ...started, publisher, session };
}

/** The hub's copy of what was sent. */
const unitsOf = (source: Awaited<ReturnType<typeof makeSource>>, timestamp = (t: number) => t) =>
  source.tags.map((tag) => ({
    kind: tag.kind,
    dts: timestamp(tag.timestamp),
    cts: tag.cts,
    key: tag.key,
    data: tag.body.subarray(tag.kind === "video" ? 5 : 2),
  }));

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

describe("connect", () => {
  test.each(["live", "live/", "/live", "live/instance", "live?x=1"])("takes the application %j", async (app) => {
    const { port, ingest } = await startRecorder();
    const publisher = await openPublisher({ port, app });
    expect(await publisher.publish("k")).toMatchObject(STARTED);
    expect(ingest.requests[0]?.app).toBe(app === "live/instance" ? app : "live");
  });

  test.each(["", "vod", "livestream", `live/${"x".repeat(300)}`])("refuses the application %j", async (app) => {
    const { port } = await startRecorder();
    const publisher = await openSocket({ port });
    await publisher.handshake();
    expect(await publisher.connect(app)).toMatchObject({ level: "error", code: "NetConnection.Connect.InvalidApp" });
    await publisher.closed;
  });

  test("answers in AMF 0 whatever encoding is asked for, and does not care about tcUrl", async () => {
    const { port } = await startRecorder();
    const publisher = await openPublisher({ port, properties: { objectEncoding: 3, tcUrl: "nonsense" } });
    const payload = Buffer.concat([
      Buffer.of(0),
      Buffer.from("02000d72656c6561736553747265616d0040080000000000000502000178", "hex"),
    ]);
    publisher.message({ csid: 3, type: MESSAGE.commandAmf3, payload });
    expect(await publisher.publish("k")).toMatchObject(STARTED);
  });

  test("says which codecs it takes to an encoder that asks", async () => {
    const { port } = await startRecorder();
    const publisher = await openSocket({ port });
    await publisher.handshake();
    const [, , , information] = await publisher.call("connect", { app: "live", fourCcList: ["*"] });
    expect(information).toMatchObject({ videoFourCcInfoMap: { avc1: 4 }, audioFourCcInfoMap: { mp4a: 4 } });
  });

  test("without its object is refused", async () => {
    const { port } = await startRecorder();
    const publisher = await openSocket({ port });
    await publisher.handshake();
    const [name, , , information] = await publisher.call("connect");
    expect([name, information]).toMatchObject(["_error", { code: "NetConnection.Connect.Rejected" }]);
    await publisher.closed;
  });
});

describe("commands", () => {
  test("of FMLE and OBS are answered", async () => {
    const { port } = await startRecorder();
    const publisher = await openPublisher({ port });
    for (const name of ["releaseStream", "FCPublish", "_checkbw"])
      expect((await publisher.call(name, null, "k"))[0]).toBe("_result");
    expect((await publisher.call("createStream", null))[3]).toBe(2);
    expect(await publisher.call("whatever", null)).toMatchObject(["_error", 7, null, { level: "error" }]);
  });

  test("play is refused", async () => {
    const { port } = await startRecorder();
    const publisher = await openPublisher({ port });
    publisher.command("play", 0, [null, "live_key"], 1);
    expect(await publisher.nextStatus()).toMatchObject({ level: "error", code: "NetStream.Play.Failed" });
    await publisher.closed;
  });

  test("a second publish on one connection is refused, and the first goes on", async () => {
    const { publisher, session, ingest } = await publishing();
    expect(await publisher.publish("other")).toMatchObject({ level: "error", code: "NetStream.Publish.BadName" });
    const source = await makeSource({ seconds: 1 });
    await feed(publisher, source, AT_ONCE);
    publisher.fin();
    await publisher.closed;
    expect(session.units.length).toBe(source.tags.length);
    expect(ingest.requests.length).toBe(1);
  });

  test("pings are answered, and what came is acknowledged", async () => {
    const { publisher } = await publishing();
    publisher.message({ csid: 2, type: MESSAGE.userControl, payload: Buffer.of(0, 6, 1, 2, 3, 4) });
    publisher.message({ csid: 2, type: MESSAGE.windowAcknowledgementSize, payload: Buffer.of(0, 0, 0x10, 0) });
    for (let n = 0; n < 100; n++) publisher.send(Buffer.alloc(100), 0, "audio");
    await vi.waitFor(() => {
      const of = (type: number) => publisher.received.filter((message) => message.type === type);
      expect(of(MESSAGE.userControl).at(-1)?.payload).toEqual(Buffer.of(0, 7, 1, 2, 3, 4));
      expect(of(MESSAGE.acknowledgement).at(-1)?.payload.readUInt32BE(0)).toBeGreaterThan(13_000);
    });
  });
});

describe("authorisation", () => {
  test.each([
    ["live_key", "live_key"],
    ["live_key?token=1&x=2", "live_key"],
    [" live_key\n", "live_key"],
  ])("the name %j is the key %j", async (name, key) => {
    const { port, ingest } = await startRecorder();
    const publisher = await openPublisher({ port });
    await publisher.publish(name);
    expect(ingest.requests[0]?.key).toBe(key);
  });

  test.each([
    ["", "no stream key"],
    ["?token=1", "no stream key"],
    ["k".repeat(513), "too long"],
  ])("the name %j is refused without asking", async (name, complaint) => {
    const { port, ingest } = await startRecorder();
    const publisher = await openPublisher({ port, app: "live/live_key" });
    const status = await publisher.publish(name);
    expect(status).toMatchObject({ level: "error", code: "NetStream.Publish.BadName" });
    expect(status.description).toContain(complaint);
    await publisher.closed;
    expect(ingest.requests).toEqual([]);
  });

  test.each(RefuseReason.options)("%s is said with the control plane's words", async (reason) => {
    const { port, ingest } = await startRecorder();
    ingest.answer = () => ({ ok: false, reason, message: `because of ${reason}` });
    const publisher = await openPublisher({ port });
    const status = await publisher.publish("live_key");
    expect(status).toMatchObject({ level: "error", description: `because of ${reason}` });
    expect(status.code).toBe(
      { not_allowed: "NetStream.Publish.Denied", overloaded: "NetStream.Failed", unavailable: "NetStream.Failed" }[
        reason as string
      ] ?? "NetStream.Publish.BadName",
    );
    await publisher.closed;
  });

  test("comes before the start; what an impatient encoder sends meanwhile is kept, and the rest held off", async () => {
    const { port, ingest } = await startRecorder();
    let letIn = (_: null) => {};
    ingest.answer = () => new Promise<null>((resolve) => (letIn = resolve));
    const publisher = await openPublisher({ port });
    const source = await makeSource({ seconds: 2 });
    const started = publisher.publish("live_key");
    publisher.setChunkSize(4096);
    await feed(publisher, source, AT_ONCE);
    const ballast = 30_000_000;
    for (let n = 0; n < 150; n++) publisher.send(Buffer.alloc(ballast / 150), 0, "data");
    await vi.waitFor(() => expect(ingest.requests.length).toBe(1));
    await vi.waitFor(async () => {
      const before = publisher.socket.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 40));
      expect(publisher.socket.writableLength).toBe(before);
    });
    // What is not in our process is in the kernel's socket buffers: a few megabytes on loopback.
    expect(publisher.socket.writableLength).toBeGreaterThan(ballast - 15_000_000);
    expect(publisher.statuses.length).toBe(1);
    letIn(null);
    expect(await started).toMatchObject(STARTED);
    await publisher.flushed();
    publisher.fin();
    await publisher.closed;
    expect(ingest.sessions[0]?.units).toEqual(unitsOf(source));
    expect(ingest.sessions[0]?.ended).toBe("disconnected");
  });

  test("of an encoder that has sent it all and closed meanwhile loses nothing", async () => {
    const { port, ingest } = await startRecorder();
    let letIn = (_: null) => {};
    ingest.answer = () => new Promise<null>((resolve) => (letIn = resolve));
    const publisher = await openPublisher({ port });
    const source = await makeSource({ seconds: 1 });
    const started = publisher.publish("live_key");
    await feed(publisher, source, AT_ONCE);
    publisher.fin();
    await publisher.flushed();
    await vi.waitFor(() => expect(ingest.requests.length).toBe(1));
    letIn(null);
    expect(await started).toMatchObject(STARTED);
    await publisher.closed;
    expect(ingest.sessions[0]?.units).toEqual(unitsOf(source));
    expect(ingest.sessions[0]?.ended).toBe("disconnected");
  });

  test("that comes too late for an encoder that has gone ends its session at once", async () => {
    const { port, ingest, server } = await startRecorder();
    let letIn = (_: null) => {};
    ingest.answer = () => new Promise<null>((resolve) => (letIn = resolve));
    const publisher = await openPublisher({ port });
    publisher.publish("live_key").catch(() => {});
    await vi.waitFor(() => expect(ingest.requests.length).toBe(1));
    publisher.rst();
    await publisher.closed;
    letIn(null);
    await vi.waitFor(() => expect(ingest.sessions[0]?.ended).toBe("disconnected"));
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test("that fails is an error of ours, said so, and of that connection only", async () => {
    const errors: unknown[] = [];
    const { port, ingest } = await startRecorder({
      log: { ...quietLog, error: (error: unknown) => errors.push(error) },
    });
    ingest.answer = () => Promise.reject(new Error("bug"));
    const publisher = await openPublisher({ port });
    expect(await publisher.publish("live_key")).toMatchObject({ level: "error", code: "NetStream.Failed" });
    await publisher.closed;
    expect(errors).toMatchObject([{ err: { message: "bug" } }]);
    ingest.answer = null;
    expect(await (await openPublisher({ port })).publish("live_key")).toMatchObject(STARTED);
  });
});

describe("the end", () => {
  test.each(["FCUnpublish", "deleteStream", "closeStream"])("by %s is finished", async (command) => {
    const { publisher, session } = await publishing();
    publisher.command(command, 9, [null, 1], command === "closeStream" ? 1 : 0);
    expect(await publisher.nextStatus()).toMatchObject({ level: "status", code: "NetStream.Unpublish.Success" });
    publisher.fin();
    await publisher.closed;
    expect(session.ended).toBe("finished");
  });

  test("by FIN or RST is disconnected, behind everything that arrived", async () => {
    const source = await makeSource({ seconds: 2 });
    for (const how of ["fin", "rst"] as const) {
      const { publisher, session } = await publishing();
      await feed(publisher, source, AT_ONCE);
      await publisher.flushed();
      // A reset drops what the kernel has not yet delivered: wait for the server to have it all.
      if (how === "rst") await vi.waitFor(() => expect(session.units.length).toBe(source.tags.length));
      publisher[how]();
      await vi.waitFor(() => expect(session.ended).toBe("disconnected"));
      expect(session.units).toEqual(unitsOf(source));
    }
  });

  test("by an input that is no RTMP is a protocol error", async () => {
    const { publisher, session } = await publishing();
    publisher.raw(Buffer.alloc(100, 0xff));
    await publisher.closed;
    expect(session.ended).toBe("protocol_error");
    expect(session.late).toBe(0);
  });

  test("by a hub that throws is of that connection only", async () => {
    const errors: unknown[] = [];
    const { publisher, session, port } = await publishing({
      log: { ...quietLog, error: (error: unknown) => errors.push(error) },
    });
    session.onUnit = () => {
      throw new Error("bug");
    };
    await feed(publisher, await makeSource({ seconds: 1 }), AT_ONCE);
    await publisher.closed;
    expect(session.ended).toBe("protocol_error");
    expect(errors).toMatchObject([{ err: { message: "bug" } }]);
    expect(await (await openPublisher({ port })).publish("live_key")).toMatchObject(STARTED);
  });

  test.each([
    [
      "taken_over",
      { level: "error", code: "NetStream.Publish.BadName", description: expect.stringContaining("taken over") },
    ],
    ["stalled", { code: "NetStream.Unpublish.Success" }],
    ["stopped", { level: "error", code: "NetConnection.Connect.Closed" }],
    ["unsupported", { level: "error", code: "NetStream.Publish.Rejected" }],
    ["too_slow", { level: "error", code: "NetConnection.Connect.Closed" }],
    ["worker_stopped", { level: "error", code: "NetConnection.Connect.AppShutdown" }],
  ] as const)("by the hub, as %s, is told to the encoder, even in the middle of its input", async (reason, status) => {
    const { publisher, session } = await publishing();
    session.onUnit = () => {
      if (session.units.length === 5) session.connection.close(reason);
    };
    await feed(publisher, await makeSource({ seconds: 2 }), AT_ONCE);
    expect(await publisher.nextStatus()).toMatchObject(status);
    await publisher.closed;
    expect(session.units.length).toBe(5);
    // The hub knows.
    expect(session.ended).toBe(null);
  });

  test("of the server is told to all encoders", async () => {
    const { publisher, session, server, port } = await publishing();
    const idle = await openSocket({ port });
    const closed = server.close();
    expect(await publisher.nextStatus()).toMatchObject({ code: "NetConnection.Connect.AppShutdown" });
    publisher.fin();
    idle.fin();
    await closed;
    expect(session.ended).toBe("worker_stopped");
    expect(server.connections()).toBe(0);
    await expect(openSocket({ port })).rejects.toThrow("ECONNREFUSED");
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
    await vi.waitFor(() => expect(ingest.sessions[0]?.units.length).toBeGreaterThan(20), { timeout: 10_000 });
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
