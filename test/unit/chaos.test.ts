/** Publishers that do anything at all: nothing throws, and every playlist keeps the rules. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PublishGrant } from "#contract/media";
import { Hub } from "../../media-worker/live/hub.ts";
import type { PublisherInput } from "../../media-worker/live/media.ts";
import { checkSegments, type FollowedSegment } from "../harness/hls-follow.ts";
import { PlaylistRules } from "../harness/hls-rules.ts";
import { ManualClock } from "../harness/manual-clock.ts";
import { AAC_CONFIG, AVC_RECORD, followed, mediaOf } from "../harness/synthetic-media.ts";

const OTHER_AVC = Buffer.from("0142c01effe100186742c01eda02d049b041000003000100000300320f162ea001000468ce0fc8", "hex");
const MONO_AAC = Buffer.from("1208", "hex");

const jump = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 20, max: 45 }) },
  { weight: 3, arbitrary: fc.integer({ min: -600, max: 3000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-3_600_000, -8_000, 11_000, 3_600_000, 2 ** 32) },
);
const video = fc.record({
  is: fc.constant("video" as const),
  by: jump,
  key: fc.boolean(),
  cts: fc.integer({ min: -70, max: 200 }),
  size: fc.integer({ min: 1, max: 5000 }),
});
const audio = fc.record({ is: fc.constant("audio" as const), by: jump });
const other = fc.record({
  is: fc.constantFrom("size A", "size B", "stereo", "mono", "both announced", "video announced", "MP3", "restart"),
});
type Step =
  typeof video extends fc.Arbitrary<infer V>
    ? typeof audio extends fc.Arbitrary<infer A>
      ? typeof other extends fc.Arbitrary<infer O>
        ? V | A | O
        : never
      : never
    : never;
const steps = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { weight: 40, arbitrary: video },
    { weight: 40, arbitrary: audio },
    { weight: 1, arbitrary: other },
  ),
  { minLength: 100, maxLength: 800 },
);

function take(step: Step, input: PublisherInput, clocks: { video: number; audio: number }): void {
  switch (step.is) {
    case "video":
      clocks.video += step.by;
      input.unit({ kind: "video", dts: clocks.video, cts: step.cts, key: step.key, data: Buffer.alloc(step.size) });
      break;
    case "audio":
      clocks.audio += step.by;
      input.unit({ kind: "audio", dts: clocks.audio, cts: 0, key: true, data: Buffer.alloc(100) });
      break;
    case "size A":
    case "size B":
      input.video({ codec: "h264", record: step.is === "size A" ? AVC_RECORD : OTHER_AVC });
      break;
    case "stereo":
    case "mono":
      input.audio({ codec: "aac", record: step.is === "stereo" ? AAC_CONFIG : MONO_AAC });
      break;
    case "both announced":
    case "video announced":
      input.announce({ video: true, audio: step.is === "both announced" });
      break;
    case "MP3":
      input.dropped("audio", "MP3");
      break;
    case "restart":
      Object.assign(clocks, { video: 0, audio: 0 });
      break;
    default:
      step satisfies never;
  }
}

test("whatever a publisher sends", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 3 }), fc.boolean(), async (sessions, configured) => {
      const clock = new ManualClock(Date.UTC(2026, 0, 1));
      let n = 0;
      const grant = (): PublishGrant => ({
        job_id: `job${++n}`,
        attempt: 1,
        lease: "lease",
        stream_id: 1,
        session: "s",
        epoch: `e${n}`,
        first_msn: 0,
        discontinuity_sequence: 0,
        last_target_duration_s: null,
        policy: { second_publisher: "takeover", max_bitrate_bps: 1e9, record: true },
      });
      const hub = new Hub(
        { partMs: 500, maxPublishers: 5, newAttic: null, recordings: null },
        { authorise: async () => ({ ok: true, grant: grant() }), event: () => {}, recording: () => {} },
        clock,
      );
      const rules = new PlaylistRules();
      const segments = new Map<number, FollowedSegment>();
      let seen = "";
      const look = async () => {
        const hls = hub.stream(1)?.hls;
        const text = hls?.media?.plain.toString() ?? "";
        if (!hls || text === seen) return;
        seen = text;
        const list = mediaOf(hls);
        rules.feed(list);
        for (const each of list.segments)
          if (!segments.has(each.msn)) segments.set(each.msn, await followed(hls, each));
      };
      for (const session of sessions) {
        const reply = await hub.publish(
          { protocol: "rtmp", app: "live", key: "k", ip: "127.0.0.1" },
          { protocol: "rtmp", close: () => {} },
        );
        if (!reply.ok) throw new Error(reply.message);
        if (configured) {
          reply.input.video({ codec: "h264", record: AVC_RECORD });
          reply.input.audio({ codec: "aac", record: AAC_CONFIG });
        }
        const clocks = { video: 0, audio: 0 };
        for (const step of session) {
          take(step, reply.input, clocks);
          clock.advance(12);
          await look();
        }
        reply.input.end("disconnected");
        await look();
      }
      clock.advance(7_000);
      await look();
      expect(rules.violations).toEqual([]);
      const hls = hub.stream(1)?.hls;
      const said: string[] = [];
      if (hls?.playable) checkSegments([...segments.values()], mediaOf(hls), new Map(), (text) => said.push(text));
      expect(said).toEqual([]);
      clock.advance(60_000);
      expect(hub.stream(1)).toBeNull();
      await hub.close();
    }),
    { numRuns: 40 },
  );
});
