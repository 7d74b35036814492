/** Publish sessions and the hub, fed directly, on a clock that stands still. */
import { describe, expect, test } from "vitest";
import type { AuthoriseReply, EndReason, PublishGrant, StreamEvent } from "#contract/media";
import type { Control } from "../../media-worker/live/control.ts";
import { Hub } from "../../media-worker/live/hub.ts";
import type { AccessUnit, PublisherInput } from "../../media-worker/live/media.ts";
import type { StreamReader, TimedUnit } from "../../media-worker/live/reader.ts";
import type { Tracks } from "../../media-worker/live/tracks.ts";
import { ManualClock } from "../harness/manual-clock.ts";
import { AAC_CONFIG, AVC_RECORD } from "../harness/synthetic-media.ts";

const OTHER_AVC = Buffer.from("0142c01effe100186742c01eda02d049b041000003000100000300320f162ea001000468ce0fc8", "hex");
const MONO_AAC = Buffer.from("1208", "hex");
const REQUEST = { protocol: "rtmp" as const, app: "live", key: "k", ip: "127.0.0.1" };

function setUp({ grant = {} as Partial<PublishGrant>, maxPublishers = 10 } = {}) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const events: string[][] = [];
  const reports: StreamEvent[] = [];
  let count = 0;
  const control: Control = {
    async authorise(): Promise<AuthoriseReply> {
      const n = ++count;
      return {
        ok: true,
        grant: {
          job_id: `job${n}`,
          attempt: 1,
          lease: `lease${n}`,
          stream_id: 7,
          session: "s",
          epoch: `e${n}`,
          first_msn: 0,
          discontinuity_sequence: 0,
          last_target_duration_s: null,
          policy: { second_publisher: "takeover", max_bitrate_bps: 8_000_000, record: true },
          ...grant,
        },
      };
    },
    event(job, _progress, body) {
      reports.push(body);
      events.push([job.job_id, body.event, ...("reason" in body ? [body.reason] : [])]);
    },
    recording() {},
  };
  const hub = new Hub({ partMs: 500, maxPublishers, newAttic: null, recordings: null }, control, clock);
  const seen = new Recorder();
  const publish = async () => {
    const closed: EndReason[] = [];
    const reply = await hub.publish(REQUEST, { protocol: "rtmp", close: (reason) => closed.push(reason) });
    if (!reply.ok) throw new Error(reply.reason);
    if (!seen.attached) hub.stream(7)?.attach(seen);
    seen.attached = true;
    return { input: reply.input, closed };
  };
  return { clock, events, reports, hub, seen, publish };
}

/** A reader that writes down what it is given. */
class Recorder implements StreamReader {
  attached = false;
  log: string[] = [];
  units: TimedUnit[] = [];
  session = () => void this.log.push("session");
  timeline = ({ video, audio }: Tracks) =>
    void this.log.push(`timeline ${[video && "video", audio && "audio"].filter(Boolean).join("+")}`);
  unit = (unit: TimedUnit) => {
    this.units.push(unit);
    const kind = unit.kind === "audio" ? "audio" : unit.key ? "IDR" : "picture";
    const last = this.log.at(-1) ?? "";
    if (last.startsWith(kind)) this.log[this.log.length - 1] = `${kind} ×${Number(/\d+$/.exec(last) ?? 1) + 1}`;
    else this.log.push(kind);
  };
  end = () => void this.log.push("end");
}

const picture = (dts: number, key = false): AccessUnit => ({
  kind: "video",
  dts,
  cts: 0,
  key,
  data: Buffer.alloc(100),
});
const frame = (dts: number): AccessUnit => ({ kind: "audio", dts, cts: 0, key: true, data: Buffer.alloc(20) });
const h264 = (input: PublisherInput, record = AVC_RECORD) => input.video({ codec: "h264", record });
const aac = (input: PublisherInput, record = AAC_CONFIG) => input.audio({ codec: "aac", record });

describe("when a publish session starts", () => {
  test("as soon as both parameter sets are there", async () => {
    const { publish, seen } = setUp();
    const { input } = await publish();
    h264(input);
    aac(input);
    input.unit(frame(0));
    input.unit(picture(10, true));
    input.unit(frame(21));
    expect(seen.log).toEqual(["session", "timeline video+audio", "IDR", "audio"]);
  });

  test.each([
    ["video alone is announced", { video: true, audio: false }, h264, picture(0, true), "timeline video"],
    ["audio alone is announced", { video: false, audio: true }, aac, frame(0), "timeline audio"],
  ])("%s", async (_, announced, configure, unit, timeline) => {
    const { publish, seen } = setUp();
    const { input } = await publish();
    input.announce(announced);
    configure(input);
    input.unit(unit);
    expect(seen.log.slice(0, 2)).toEqual(["session", timeline]);
  });

  test("after half a second, with all that came meanwhile", async () => {
    const { publish, seen, clock } = setUp();
    const { input } = await publish();
    h264(input);
    input.unit(picture(0, true));
    input.unit(picture(33));
    clock.advance(499);
    expect(seen.log).toEqual([]);
    clock.advance(1);
    expect(seen.log).toEqual(["session", "timeline video", "IDR", "picture"]);
  });

  test("after half a second of media, when it comes faster than that", async () => {
    const { publish, seen } = setUp();
    const { input } = await publish();
    h264(input);
    for (const dts of [0, 200, 400, 500]) input.unit(picture(dts, dts === 0));
    expect(seen.log).toEqual(["session", "timeline video", "IDR", "picture ×3"]);
  });

  test("when audio turns out to be of a codec we drop, with a warning", async () => {
    const { publish, seen, reports } = setUp();
    const { input } = await publish();
    h264(input);
    input.dropped("audio", "MP3");
    input.dropped("audio", "MP3");
    input.unit(picture(0, true));
    expect(seen.log).toEqual(["session", "timeline video", "IDR"]);
    expect(reports.filter(({ event }) => event === "warning")).toMatchObject([
      { message: expect.stringContaining("MP3") },
    ]);
  });

  test("what ends within the half second is shown all the same", async () => {
    const { publish, seen, events } = setUp();
    const { input } = await publish();
    h264(input);
    input.unit(picture(0, true));
    input.end("finished");
    expect(seen.log).toEqual(["session", "timeline video", "IDR", "end"]);
    expect(events).toEqual([
      ["job1", "ready"],
      ["job1", "ended", "finished"],
    ]);
  });
});

describe("while it plays", () => {
  async function playing() {
    const all = setUp();
    const { input, closed } = await all.publish();
    h264(input);
    aac(input);
    input.unit(picture(0, true));
    input.unit(frame(0));
    all.seen.log = [];
    return { ...all, input, closed };
  }

  test("the same parameters again change nothing", async () => {
    const { input, seen } = await playing();
    h264(input, Buffer.from(AVC_RECORD));
    aac(input, Buffer.from(AAC_CONFIG));
    input.unit(picture(33));
    expect(seen.log).toEqual(["picture"]);
  });

  test("a new SPS: nothing undecodable until its first IDR picture, then a new timeline", async () => {
    const { input, seen, reports } = await playing();
    h264(input, OTHER_AVC);
    input.unit(picture(33));
    input.unit(frame(21));
    input.unit(picture(67, true));
    expect(seen.log).toEqual(["audio", "timeline video+audio", "IDR"]);
    expect(reports.at(-1)).toMatchObject({ event: "tracks", tracks: [{ width: 720 }, {}] });
  });

  test("new audio parameters: a new timeline at the next IDR picture", async () => {
    const { input, seen } = await playing();
    aac(input, MONO_AAC);
    input.unit(picture(33));
    input.unit(frame(21));
    input.unit(picture(67));
    input.unit(picture(100, true));
    input.unit(frame(100));
    expect(seen.log).toEqual(["picture", "timeline video+audio", "IDR", "audio"]);
  });

  test("audio that stops for three seconds: video goes on alone, and together when it is back", async () => {
    const { input, seen } = await playing();
    for (let n = 1; n <= 160; n++) input.unit(picture(n * 33, n % 30 === 0));
    expect(seen.log.filter((line) => line.startsWith("timeline"))).toEqual(["timeline video"]);
    input.unit(frame(5300));
    input.unit(picture(5313, true));
    input.unit(frame(5321));
    expect(seen.log.slice(-3)).toEqual(["timeline video+audio", "IDR", "audio"]);
  });

  test("video that stops for three seconds: audio goes on alone, and together when it is back", async () => {
    const { input, seen } = await playing();
    for (let n = 1; n <= 200; n++) input.unit(frame(Math.round(n * 21.33)));
    expect(seen.log.filter((line) => line.startsWith("timeline"))).toEqual(["timeline audio"]);
    input.unit(picture(4300));
    input.unit(picture(4333, true));
    expect(seen.log.slice(-2)).toEqual(["timeline video+audio", "IDR"]);
  });

  test("malformed parameters end the session and no other", async () => {
    const { input, closed, events, hub } = await playing();
    h264(input, Buffer.from("014d", "hex"));
    input.unit(picture(33));
    expect(closed).toEqual(["protocol_error"]);
    expect(events.at(-1)).toEqual(["job1", "ended", "protocol_error"]);
    expect(hub.running()).toEqual([]);
  });

  test("parameters we do not take: unsupported, with the reason as a warning", async () => {
    const { input, closed, reports } = await playing();
    aac(input, Buffer.from("f9460000", "hex"));
    expect(closed).toEqual(["unsupported"]);
    expect(reports.at(-2)).toMatchObject({ event: "warning", message: expect.stringContaining("AAC-LC") });
  });

  test("silence is noticed within 15 s", async () => {
    const { clock, closed } = await playing();
    clock.advance(14_000);
    expect(closed).toEqual([]);
    clock.advance(1_000);
    expect(closed).toEqual(["stalled"]);
  });

  test.each([3_600_000, -3_600_000])(
    "the time of day is set by %i ms: nobody is let go, and silence still counts",
    async (ms) => {
      const { clock, publish } = setUp();
      const { input, closed } = await publish();
      input.video({ codec: "h264", record: AVC_RECORD });
      input.unit(picture(0, true));
      clock.setForward(ms);
      clock.advance(1_000);
      expect(closed).toEqual([]);
      clock.advance(15_000);
      expect(closed).toEqual(["stalled"]);
    },
  );

  test("far more than the stream may send: too_slow", async () => {
    const { clock, closed, input } = await playing();
    for (let second = 0; second < 12; second++) {
      for (let n = 0; n < 40; n++) {
        input.unit({ ...picture(second * 1000 + n * 25 + 33), data: Buffer.alloc(50_000) });
      }
      clock.advance(1_000);
    }
    expect(closed).toEqual(["too_slow"]);
  });

  test("a burst after a pause is let through", async () => {
    const { clock, closed, input } = await playing();
    for (let n = 0; n < 100; n++) input.unit({ ...picture(n * 33 + 33), data: Buffer.alloc(50_000) });
    clock.advance(12_000);
    input.unit(picture(4000));
    expect(closed).toEqual([]);
  });
});

describe("the hub", () => {
  test("a takeover closes the first publisher and keeps the stream", async () => {
    const { publish, events, hub, seen } = setUp();
    const first = await publish();
    h264(first.input);
    aac(first.input);
    first.input.unit(picture(0, true));
    const second = await publish();
    expect(first.closed).toEqual(["taken_over"]);
    first.input.unit(picture(33));
    first.input.end("disconnected");
    h264(second.input);
    aac(second.input);
    second.input.unit(picture(0, true));
    expect(seen.log).toEqual([
      ...["session", "timeline video+audio", "IDR", "end"],
      ...["session", "timeline video+audio", "IDR"],
    ]);
    expect(events).toEqual([
      ["job1", "ready"],
      ["job1", "ended", "taken_over"],
      ["job2", "ready"],
    ]);
    expect(hub.running()).toMatchObject([{ job_id: "job2", ready: true }]);
  });

  test("a stream that never showed anything is forgotten at its end", async () => {
    const { publish, hub } = setUp();
    const { input } = await publish();
    expect(hub.stream(7)).not.toBeNull();
    input.end("disconnected");
    expect(hub.stream(7)).toBeNull();
  });

  test("one that did: 7 s of grace, 60 s of linger", async () => {
    const { publish, hub, clock } = setUp();
    const { input } = await publish();
    h264(input);
    aac(input);
    for (let n = 0; n < 90; n++) input.unit(picture(n * 33, n % 30 === 0));
    input.end("finished");
    clock.advance(6_999);
    expect(hub.stream(7)?.hls).toMatchObject({ playable: true, ended: false });
    clock.advance(1);
    expect(hub.stream(7)?.hls).toMatchObject({ playable: true, ended: true });
    clock.advance(59_999);
    expect(hub.stream(7)?.hls.playable).toBe(true);
    clock.advance(1);
    expect(hub.stream(7)).toBeNull();
  });

  test("a publisher who comes back and sends nothing does not stop the clock", async () => {
    const { publish, hub, clock } = setUp();
    const first = await publish();
    h264(first.input);
    aac(first.input);
    for (let n = 0; n < 90; n++) first.input.unit(picture(n * 33, n % 30 === 0));
    first.input.end("finished");
    clock.advance(5_000);
    const second = await publish();
    clock.advance(2_000);
    expect(hub.stream(7)?.hls.ended).toBe(true);
    clock.advance(8_000);
    const third = await publish();
    clock.advance(14_000);
    const fourth = await publish();
    clock.advance(14_000);
    const fifth = await publish();
    clock.advance(14_000);
    const sixth = await publish();
    clock.advance(14_000);
    expect([second, third, fourth, fifth].map(({ closed }) => closed)).toEqual(Array(4).fill(["taken_over"]));
    expect(hub.stream(7)?.hls.playable).toBe(false);
    sixth.input.end("disconnected");
    expect(hub.stream(7)).toBeNull();
  });

  test("stopped by order: final at once", async () => {
    const { publish, hub, events } = setUp();
    const { input, closed } = await publish();
    h264(input);
    aac(input);
    for (let n = 0; n < 90; n++) input.unit(picture(n * 33, n % 30 === 0));
    hub.stop("job1", "another lease", "stopped");
    expect(closed).toEqual([]);
    hub.stop("job1", "lease1", "stopped");
    expect(closed).toEqual(["stopped"]);
    expect(hub.stream(7)?.hls.ended).toBe(true);
    expect(events.at(-1)).toEqual(["job1", "ended", "stopped"]);
  });

  test("reconciliation stops what is not wanted and takes new leases", async () => {
    const { publish, hub } = setUp();
    const { closed } = await publish();
    hub.reconcile([{ job_id: "job1", lease: "renewed" }]);
    expect(hub.running()).toMatchObject([{ job_id: "job1", lease: "renewed" }]);
    hub.reconcile([{ job_id: "other", lease: "x" }]);
    expect(closed).toEqual(["stopped"]);
  });

  test("as many publishers as it can take, and no more", async () => {
    const { publish, hub } = setUp({ maxPublishers: 1 });
    await publish();
    expect(await hub.publish(REQUEST, { protocol: "rtmp", close: () => {} })).toMatchObject({ reason: "overloaded" });
  });

  test("draining: nobody new, the others have their time", async () => {
    const { publish, hub, clock } = setUp();
    const { closed } = await publish();
    const drained = hub.drain(2);
    expect(await hub.publish(REQUEST, { protocol: "rtmp", close: () => {} })).toMatchObject({ reason: "overloaded" });
    for (let n = 0; n < 5; n++) {
      clock.advance(500);
      await Promise.resolve();
    }
    await drained;
    expect(closed).toEqual(["worker_stopped"]);
  });

  test("what it reports of a running job", async () => {
    const { publish, hub } = setUp({ grant: { first_msn: 40, discontinuity_sequence: 3, last_target_duration_s: 4 } });
    const { input } = await publish();
    expect(hub.running()[0]).toMatchObject({
      ready: false,
      progress: { next_msn: 40, discontinuity_sequence: 3, target_duration_s: 4, bytes_in: 0 },
    });
    h264(input);
    aac(input);
    for (let n = 0; n < 100; n++) input.unit(picture(n * 33, n % 30 === 0));
    expect(hub.running()[0]).toMatchObject({
      job_id: "job1",
      attempt: 1,
      lease: "lease1",
      ready: true,
      tracks: [
        { kind: "video", codec: "avc1.42c00d", width: 320, height: 180, frame_rate: 30 },
        { kind: "audio", codec: "mp4a.40.2", sample_rate: 48_000, channels: 2 },
      ],
      progress: { stream_id: 7, session: "s", epoch: "e1", next_msn: 42, discontinuity_sequence: 3, bytes_in: 10_000 },
    });
  });
});
