/** What the RTMP server and an encoder say to each other: commands, authorisation, ends. */
import { describe, expect, test } from "vitest";
import { MESSAGE } from "../../media-worker/servers/rtmp/chunk.ts";
import { RefuseReason } from "../../schema/contract/media.ts";
import { eventually } from "../harness/eventually.ts";
import { makeSource } from "../harness/h264-source.ts";
import { feed, openPublisher, openSocket } from "../harness/rtmp-publisher.ts";
import { AT_ONCE, publishing, quietLog, STARTED, startRecorder, unitsOf } from "../harness/rtmp-server.ts";

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

  test("nothing is sent to a publisher that asks for nothing: closing over unread input would reset it", async () => {
    const { publisher, session } = await publishing();
    const before = publisher.socket.bytesRead;
    publisher.setChunkSize(60_000);
    for (let n = 0; n < 100; n++) publisher.send(Buffer.alloc(100_000), 0, "data");
    publisher.fin();
    await publisher.closed;
    expect(session.ended).toBe("disconnected");
    expect(publisher.socket.bytesRead).toBe(before);
  });

  test("pings are answered, and what came is acknowledged to an encoder that wants it", async () => {
    const { publisher } = await publishing();
    publisher.message({ csid: 2, type: MESSAGE.userControl, payload: Buffer.of(0, 6, 1, 2, 3, 4) });
    publisher.message({ csid: 2, type: MESSAGE.windowAcknowledgementSize, payload: Buffer.of(0, 0, 0x10, 0) });
    for (let n = 0; n < 100; n++) publisher.send(Buffer.alloc(100), 0, "audio");
    await eventually(() => {
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
    await eventually(() => expect(ingest.requests.length).toBe(1));
    await eventually(async () => {
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
    await eventually(() => expect(ingest.requests.length).toBe(1));
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
    await eventually(() => expect(ingest.requests.length).toBe(1));
    publisher.rst();
    await publisher.closed;
    letIn(null);
    await eventually(() => expect(ingest.sessions[0]?.ended).toBe("disconnected"));
    await eventually(() => expect(server.connections()).toBe(0));
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
      if (how === "rst") await eventually(() => expect(session.units.length).toBe(source.tags.length));
      publisher[how]();
      await eventually(() => expect(session.ended).toBe("disconnected"));
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
    expect(await publisher.nextStatus()).toMatchObject({ level: "error", code: "NetStream.Failed" });
    await publisher.closed;
    expect(session.ended).toBe("protocol_error");
    expect(errors).toMatchObject([{ err: { message: "bug" } }]);
    expect(await (await openPublisher({ port })).publish("live_key")).toMatchObject(STARTED);
  });

  test("by a hub that fails to take it is borne", async () => {
    const errors: unknown[] = [];
    const log = { ...quietLog, error: (error: unknown) => errors.push(error) };
    const { publisher, session, server } = await publishing({ log });
    session.end = () => {
      throw new Error("bug");
    };
    publisher.fin();
    await eventually(() => expect(server.connections()).toBe(0));
    expect(errors).toMatchObject([{ err: { message: "bug" } }]);
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
