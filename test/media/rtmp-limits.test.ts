/** What one RTMP connection may cost, and what becomes of those that cost more. */
import { describe, expect, test, vi } from "vitest";
import { MESSAGE } from "../../media-worker/servers/rtmp/chunk.ts";
import type { EndReason } from "../../schema/contract/media.ts";
import { eventually } from "../harness/eventually.ts";
import { ManualClock } from "../harness/manual-clock.ts";
import { openPublisher, openSocket, type RtmpPublisher } from "../harness/rtmp-publisher.ts";
import { startRecorder } from "../harness/rtmp-server.ts";

const STARTED = { code: "NetStream.Publish.Start" };

async function withClock(options: Parameters<typeof startRecorder>[0] = {}) {
  const clock = new ManualClock(1_000_000);
  return { clock, ...(await startRecorder({ clock, ...options })) };
}

/** A round trip, so that everything sent before has been read. */
const settle = (publisher: RtmpPublisher) => publisher.call("releaseStream", null, "x");

describe("deadlines", () => {
  test("handshake: 5 s, however slowly it drips", async () => {
    const { clock, port, server } = await withClock();
    const silent = await openSocket({ port });
    const dripping = await openSocket({ port });
    await eventually(() => expect(server.connections()).toBe(2));
    for (let n = 0; n < 19; n++) {
      dripping.raw(Buffer.of(3));
      clock.advance(250);
    }
    expect(server.connections()).toBe(2);
    clock.advance(500);
    await Promise.all([silent.closed, dripping.closed]);
    await eventually(() => expect(server.connections()).toBe(0));
  });

  test("publish: 10 s", async () => {
    const { clock, port, server } = await withClock();
    const publisher = await openPublisher({ port });
    clock.advance(9_750);
    await settle(publisher);
    expect(server.connections()).toBe(1);
    clock.advance(250);
    await publisher.closed;
  });

  test("authorisation: 10 s, then the server says it cannot tell", async () => {
    const { clock, port, ingest } = await withClock();
    let answer = (_: null) => {};
    ingest.answer = () => new Promise<null>((resolve) => (answer = resolve));
    const publisher = await openPublisher({ port });
    const status = publisher.publish("live_key");
    await eventually(() => expect(ingest.requests.length).toBe(1));
    clock.advance(10_000);
    expect(await status).toMatchObject({ level: "error", code: "NetStream.Failed" });
    await publisher.closed;
    answer(null);
    await eventually(() => expect(ingest.sessions[0]?.ended).toBe("disconnected"));
  });

  test("a publisher that sends nothing: 15 s, then it is stalled", async () => {
    const { clock, port, ingest } = await withClock();
    const publisher = await openPublisher({ port });
    expect(await publisher.publish("live_key")).toMatchObject(STARTED);
    clock.advance(14_000);
    publisher.send(Buffer.alloc(10), 0, "data");
    await settle(publisher);
    clock.advance(14_750);
    expect(ingest.sessions[0]?.ended).toBe(null);
    clock.advance(500);
    expect(ingest.sessions[0]?.ended).toBe("stalled");
    expect(await publisher.nextStatus()).toMatchObject({ code: "NetStream.Unpublish.Success" });
    await publisher.closed;
  });

  test("an encoder that does not close when it is told: 2 s", async () => {
    const { clock, port, ingest, server } = await withClock();
    const publisher = await openPublisher({ port });
    await publisher.publish("live_key");
    publisher.socket.pause();
    publisher.socket.allowHalfOpen = true;
    ingest.sessions[0]?.connection.close("taken_over");
    // It may go on sending meanwhile: nobody looks at it.
    publisher.raw(Buffer.alloc(1_000_000, 0xff));
    clock.advance(1_750);
    expect(server.connections()).toBe(1);
    clock.advance(250);
    await eventually(() => expect(server.connections()).toBe(0));
    publisher.socket.destroy();
  });
});

describe("connections", () => {
  test("of one address that are not let in: 50; those let in do not count", async () => {
    const { port, server } = await startRecorder();
    const publisher = await openPublisher({ port });
    await publisher.publish("live_key");
    const idle = await Promise.all(Array.from({ length: 50 }, () => openSocket({ port })));
    await eventually(() => expect(server.connections()).toBe(51));
    await (await openSocket({ port })).closed;
    expect(server.connections()).toBe(51);
    idle[0]?.fin();
    await idle[0]?.closed;
    await eventually(() => expect(server.connections()).toBe(50));
    expect(await (await openPublisher({ port })).publish("other")).toMatchObject(STARTED);
  });

  test("of all: a limit", async () => {
    const { port, server } = await startRecorder({ limits: { maxConnections: 3 } });
    const open = await Promise.all(Array.from({ length: 3 }, () => openSocket({ port })));
    await eventually(() => expect(server.connections()).toBe(3));
    await (await openSocket({ port })).closed;
    open[0]?.fin();
    await open[0]?.closed;
    await eventually(() => expect(server.connections()).toBe(2));
    expect(await (await openPublisher({ port })).publish("live_key")).toMatchObject(STARTED);
  });
});

describe("bytes held", () => {
  const data = (csid: number, size: number, claimedLength: number) => {
    return { csid, type: MESSAGE.data, streamId: 1, payload: Buffer.alloc(size), claimedLength };
  };

  test("before publishing: 64 KiB a connection, in one message or in many", async () => {
    const { port } = await startRecorder();
    const one = await openPublisher({ port });
    one.message(data(5, 1, 64 * 1024 + 1));
    await one.closed;
    const many = await openPublisher({ port });
    for (let csid = 5; csid < 14; csid++) many.message(data(csid, 128, 8000));
    await many.closed;
    const fits = await openPublisher({ port });
    for (let csid = 5; csid < 13; csid++) fits.message(data(csid, 128, 8000));
    expect(await fits.publish("live_key")).toMatchObject(STARTED);
  });

  test("before publishing: a limit for all together", async () => {
    const { port } = await startRecorder({ limits: { heldBeforeTotal: 100_000 } });
    const first = await openPublisher({ port });
    first.message(data(5, 128, 60_000));
    await settle(first);
    const second = await openPublisher({ port });
    second.message(data(5, 128, 60_000));
    await second.closed;
    // What the first held is forgotten when it is let in.
    expect(await first.publish("live_key")).toMatchObject(STARTED);
    const third = await openPublisher({ port });
    third.message(data(5, 128, 60_000));
    await settle(third);
  });

  test("of a publisher: video messages of 8 MB, 16 MB together", async () => {
    const { port, ingest } = await startRecorder();
    const endOf = async (send: (publisher: RtmpPublisher) => void): Promise<EndReason | null | undefined> => {
      const publisher = await openPublisher({ port });
      await publisher.publish("live_key");
      send(publisher);
      await publisher.flushed();
      publisher.fin();
      await publisher.closed;
      return ingest.sessions.at(-1)?.ended;
    };
    const video = (csid: number, size: number, claimedLength = size) => {
      const payload = Buffer.alloc(size, Buffer.of(0x17, 2)); // an end of sequence
      return { csid, type: MESSAGE.video, streamId: 1, payload, claimedLength };
    };
    expect(await endOf((publisher) => publisher.message(video(6, 8_000_000)))).toBe("disconnected");
    expect(await endOf((publisher) => publisher.message(video(6, 128, 8_000_001)))).toBe("protocol_error");
    expect(await endOf((publisher) => [6, 7].map((n) => publisher.message(video(n, 128, 7e6))))).toBe("disconnected");
    expect(await endOf((publisher) => [6, 7, 8].map((n) => publisher.message(video(n, 128, 7e6))))).toBe(
      "protocol_error",
    );
    expect(await endOf((publisher) => publisher.message(data(5, 128, 300_000)))).toBe("protocol_error");
  });

  test("of replies that nobody reads", async () => {
    const { port, server } = await startRecorder();
    const publisher = await openPublisher({ port });
    publisher.socket.pause();
    const question = publisher.chunks.encode({
      csid: 2,
      type: MESSAGE.userControl,
      payload: Buffer.of(0, 6, 0, 0, 0, 0),
      format: 0,
    });
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => question));
    await vi.waitFor(
      () => {
        publisher.raw(flood);
        expect(server.connections()).toBe(0);
      },
      { timeout: 20_000 },
    );
    publisher.socket.destroy();
  });
});
