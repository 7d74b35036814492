import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type BeginReply, ENCODING_MAX_MS, GRACE_MS, LINGER_MS, LIVE_MOVES, LiveState } from "#contract/live";
import type { EndReason, JobReport, RunningJob, StreamEvent, StreamProgress } from "#contract/media";
import { LiveRecord, newLiveRecord } from "../../durable-objects/live-record.ts";
import { playbackOf } from "../../durable-objects/live-shown.ts";
import { LiveStreamState } from "../../durable-objects/live-stream-state.ts";

const A = { id: "wa", play_url: "http://a.test" };
const B = { id: "wb", play_url: "http://b.test" };
const T0 = Date.UTC(2026, 10, 21, 12);

/** One stream with its clock and its publishers, as the object around the state would drive it. */
class Stream {
  now = T0;
  record = newLiveRecord(7);
  events: string[] = [];
  /** Whether what is let in is recorded. */
  recorded = false;
  /** What was told of recordings: by session, whether it is over, and how often it ended. */
  told = new Map<string, { over: boolean; ends: number }>();
  #jobs = 0;
  #grants = new Map<string, { session: string; epoch: string; next_msn: number; discontinuity_sequence: number }>();

  run<T>(action: (state: LiveStreamState) => T): T {
    // Through the schema, as storage does it.
    const state = new LiveStreamState(LiveRecord.parse(JSON.parse(JSON.stringify(this.record))));
    const result = action(state);
    this.record = state.record;
    this.events.push(...state.events.map((event) => event.id));
    return result;
  }
  begin(worker = A, second_publisher: "takeover" | "refuse" = "takeover"): { lease: string; reply: BeginReply } {
    const lease = `lease${++this.#jobs}`;
    const request = { stream_id: 7, stream_name: "n", owner_username: "o", worker, job_id: `job${this.#jobs}`, lease };
    const policy = { second_publisher, record: this.recorded };
    const reply = this.run((state) => state.begin({ ...request, ...policy }, this.now));
    if (reply.ok) {
      const { first_msn, ...live } = reply.live;
      this.#grants.set(lease, { ...live, next_msn: first_msn });
    }
    return { lease, reply };
  }
  progress(lease: string, add = 0): StreamProgress {
    const grant = this.#grants.get(lease)!;
    grant.next_msn += add;
    const { session, epoch, next_msn, discontinuity_sequence } = grant;
    return { stream_id: 7, session, epoch, next_msn, discontinuity_sequence, target_duration_s: 4, bytes_in: 1 };
  }
  report(lease: string, body: StreamEvent, add = 0): void {
    const report: JobReport = { job_id: "j", attempt: 1, seq: 0, lease, progress: this.progress(lease, add), body };
    this.run((state) => state.report(report, this.now));
  }
  ready = (lease: string) => this.report(lease, { event: "ready", tracks: [], target_duration_s: 4 }, 1);
  end = (lease: string, reason: EndReason = "disconnected", add = 0) =>
    this.report(lease, { event: "ended", reason, blame: null, ended_at: this.now }, add);
  lost = (lease: string) => this.run((state) => state.lost(lease, this.now));
  job(lease: string, ready = true, extra: Partial<RunningJob> = {}): RunningJob {
    const common = { job_id: lease.replace("lease", "job"), attempt: 1, lease, kind: "ingest" as const, ready };
    return { ...common, started_at: T0, tracks: [], warnings: [], progress: this.progress(lease), ...extra };
  }
  resume = (job: RunningJob, worker = A) => this.run((state) => state.resume(job, worker, this.now));
  /** Lets time pass, ticking whenever the state asks for it. */
  wait(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.run((state) => state.nextTick());
      if (due === null || due > until) break;
      this.now = Math.max(this.now, due);
      this.run((state) => state.tick(this.now));
    }
    this.now = until;
  }
  /** As the object around the state tells the database. */
  tell(): void {
    for (const news of this.record.recording_news) {
      this.told.set(news.session, { over: news.over, ends: news.ends });
      this.run((state) => state.recordingTold(news));
    }
  }
  settled = (session = this.record.session ?? "") => this.run((state) => state.recordingSettled(session, this.now));
  live(worker = A): string {
    const { lease } = this.begin(worker);
    this.ready(lease);
    return lease;
  }
  get route() {
    return playbackOf(this.record);
  }
  get shown() {
    return this.record.projection;
  }
}

let stream: Stream;
beforeEach(() => {
  stream = new Stream();
});
const granted = (reply: BeginReply) => {
  if (!reply.ok) throw new Error(reply.message);
  return reply.live;
};

describe("the life of a session", () => {
  it("is live with the first keyframe, not before", () => {
    const { lease } = stream.begin();
    expect(stream.record.state).toBe("starting");
    expect(stream.shown.is_live).toBe(0);
    expect(stream.route.worker).toBeNull();
    stream.now += 500;
    stream.ready(lease);
    expect(stream.route).toMatchObject({ state: "live", worker: A, started_at: T0 + 500 });
    expect(stream.shown).toMatchObject({ is_live: 1, started_at: T0 + 500, last_target_duration: 4 });
    expect(stream.events).toEqual([expect.stringMatching(/^stream:7:s[a-z0-9]+:live$/)]);
  });

  it("ends after the grace, and its window lingers", () => {
    const lease = stream.live();
    stream.wait(10_000);
    stream.end(lease, "finished");
    expect(stream.record.state).toBe("grace");
    stream.wait(GRACE_MS - 1);
    expect(stream.shown.is_live).toBe(1);
    stream.wait(1);
    expect(stream.shown).toMatchObject({ is_live: 0, ended_at: T0 + 10_000 + GRACE_MS });
    expect(stream.events).toHaveLength(2);
    expect(stream.events[1]).toMatch(/:offline$/);
    stream.wait(LINGER_MS - 1);
    expect(stream.route.worker).toEqual(A);
    stream.wait(1);
    expect(stream.route.worker).toBeNull();
  });

  it("goes on when the encoder is back inside the grace", () => {
    const first = stream.live();
    const { session, epoch } = stream.record;
    stream.end(first, "disconnected", 5);
    stream.wait(GRACE_MS - 1);
    const { lease, reply } = stream.begin();
    expect(granted(reply)).toMatchObject({
      session,
      first_msn: 6,
      discontinuity_sequence: 1,
      last_target_duration_s: 4,
    });
    expect(granted(reply).epoch).not.toBe(epoch);
    stream.wait(3000); // the first keyframe may come after the grace
    expect(stream.shown.is_live).toBe(1);
    expect(stream.record.state).toBe("starting");
    stream.ready(lease);
    expect(stream.record.state).toBe("live");
    expect(stream.shown.started_at).toBe(T0);
    expect(stream.events).toHaveLength(1);
  });

  it("ends when what came back in the grace never sent anything", () => {
    stream.end(stream.live());
    stream.wait(1000);
    const { lease } = stream.begin();
    stream.wait(14_000);
    stream.end(lease, "stalled");
    expect(stream.shown.is_live).toBe(0);
    expect(stream.events).toHaveLength(2);
  });

  it("was never live when nothing playable came", () => {
    const { lease } = stream.begin();
    stream.end(lease, "stalled");
    expect(stream.record.state).toBe("offline");
    expect(stream.events).toEqual([]);
    expect(stream.record.version).toBe(0);
  });

  it("starts anew after the end, with numbers that go on", () => {
    const first = stream.live();
    const { session } = stream.record;
    stream.end(first, "finished", 9);
    stream.wait(3_600_000);
    const { lease, reply } = stream.begin();
    expect(granted(reply)).toMatchObject({ first_msn: 10, discontinuity_sequence: 1 });
    expect(granted(reply).session).not.toBe(session);
    stream.ready(lease);
    expect(stream.shown).toMatchObject({ is_live: 1, started_at: stream.now, ended_at: null });
    expect(stream.events).toHaveLength(3);
  });
});

describe("a second publisher", () => {
  it("takes over; the first may say what it likes", () => {
    const first = stream.live();
    const { lease, reply } = stream.begin();
    expect(reply).toMatchObject({ ok: true, replaced: null });
    stream.end(first, "taken_over");
    expect(stream.record.state).toBe("live");
    expect(stream.record.publisher?.lease).toBe(lease);
  });
  it("on another worker has the first one told to stop, and viewers stay with the old window until it is ready", () => {
    const first = stream.live(A);
    const { lease, reply } = stream.begin(B);
    expect(reply).toMatchObject({ replaced: { worker_id: "wa", lease: first } });
    expect(stream.route.worker).toEqual(A);
    stream.ready(lease);
    expect(stream.route.worker).toEqual(B);
  });
  it("is refused when the stream says so, until the first is gone", () => {
    const first = stream.live();
    expect(stream.begin(B, "refuse").reply).toMatchObject({ ok: false, reason: "busy" });
    expect(stream.record.publisher?.lease).toBe(first);
    stream.end(first);
    expect(stream.begin(B, "refuse").reply.ok).toBe(true);
  });
  it("is refused after ten takeovers in a minute", () => {
    stream.live();
    for (let i = 0; i < 10; i++) {
      stream.now += 1000;
      expect(stream.begin().reply.ok).toBe(true);
    }
    const holder = stream.record.publisher;
    expect(stream.begin().reply).toMatchObject({ ok: false, reason: "too_many_takeovers" });
    expect(stream.record.publisher).toEqual(holder);
    stream.now += 51_001;
    expect(stream.begin().reply.ok).toBe(true);
  });
});

describe("a worker that goes away", () => {
  it("leaves numbers that cannot come again", () => {
    const first = stream.live();
    stream.run((state) => state.progress(stream.progress(first, 20), first, stream.now));
    stream.now += 9000;
    stream.lost(first);
    stream.now += 1000;
    const live = granted(stream.begin(B).reply);
    // 21 was the next number 10 s ago; two segments a second may have been seen since.
    expect(live.first_msn).toBeGreaterThanOrEqual(21 + 20);
    expect(live.discontinuity_sequence).toBeGreaterThan(0);
    expect(stream.events).toHaveLength(1);
  });
  it("comes back inside the grace as if nothing had been", () => {
    const first = stream.live();
    stream.lost(first);
    stream.wait(GRACE_MS - 1);
    expect(stream.resume(stream.job(first))).toBe(true);
    expect(stream.record.state).toBe("live");
    expect(stream.events).toHaveLength(1);
  });
  it("comes back under its old session after it was declared offline, announced again", () => {
    const first = stream.live();
    const { session } = stream.record;
    stream.lost(first);
    stream.wait(3_600_000);
    expect(stream.shown.is_live).toBe(0);
    expect(stream.resume(stream.job(first))).toBe(true);
    expect(stream.record.session).toBe(session);
    expect(stream.shown).toMatchObject({ is_live: 1, started_at: T0, ended_at: null });
    stream.end(first);
    stream.wait(GRACE_MS);
    const ids = ["live", "offline", "live:2", "offline:2"].map((end) => `stream:7:${session}:${end}`);
    expect(stream.events).toEqual(ids);
  });
  it("may not go on when somebody else came meanwhile", () => {
    const first = stream.live(A);
    stream.lost(first);
    const second = stream.live(B);
    expect(stream.resume(stream.job(first), A)).toBe(false);
    stream.end(second);
    stream.wait(GRACE_MS);
    expect(stream.resume(stream.job(first), A)).toBe(false);
  });
  it("may not go on after the stream was stopped", () => {
    const first = stream.live();
    expect(stream.run((state) => state.stop("key_regenerated", stream.now))).toMatchObject({
      order: { worker_id: "wa", lease: first },
      revocation: { worker_id: "wa", stream_id: 7, generation: 1 },
    });
    expect(stream.shown.is_live).toBe(0);
    expect(stream.resume(stream.job(first))).toBe(false);
  });
  it("resumes with its new address", () => {
    const first = stream.live();
    const moved = { id: "wa", play_url: "http://a2.test" };
    expect(stream.resume(stream.job(first), moved)).toBe(true);
    expect(stream.route.worker).toEqual(moved);
    expect(stream.events).toHaveLength(1);
  });
});

describe("a session let in while the control plane was away", () => {
  const offline = { offline: true, lease: "local", job_id: "joblocal" };
  it("goes on with the session when it came inside the grace", () => {
    const first = stream.live();
    const job = { ...stream.job(first), ...offline };
    job.progress = { ...job.progress, epoch: "other", next_msn: 40 };
    expect(stream.resume(job)).toBe(true);
    expect(stream.record).toMatchObject({ state: "live", epoch: "other" });
    expect(stream.events).toHaveLength(1);
    stream.report(first, { event: "ended", reason: "disconnected", blame: null, ended_at: 0 });
    expect(stream.record.state).toBe("live");
    expect(granted(stream.begin().reply).first_msn).toBeGreaterThanOrEqual(40);
  });
  it("ends the old session and starts its own when it came later", () => {
    const first = stream.live();
    const job = { ...stream.job(first), ...offline };
    job.progress = { ...job.progress, session: "slocal" };
    expect(stream.resume(job)).toBe(true);
    expect(stream.events.map((id) => id.split(":").slice(-1)[0])).toEqual(["live", "offline", "live"]);
    expect(stream.events[2]).toBe("stream:7:slocal:live");
  });
  it("gives way to a publisher on another worker", () => {
    const first = stream.live(A);
    const job = { ...stream.job(first), ...offline };
    stream.live(B);
    expect(stream.resume(job, A)).toBe(false);
  });
});

describe("a recorded session", () => {
  beforeEach(() => {
    stream.recorded = true;
  });
  const kinds = () => stream.events.map((id) => id.split(":").slice(3).join(":"));

  it("is encoding from its end until its recording is settled", () => {
    const lease = stream.live();
    const session = stream.record.session ?? "";
    stream.run((state) => state.viewers(3, stream.now));
    stream.end(lease, "finished");
    stream.wait(GRACE_MS);
    expect(stream.route).toMatchObject({ state: "encoding", started_at: null, viewer_count: 0, worker: A });
    expect(stream.shown).toMatchObject({ is_live: 2, ended_at: stream.now, total_views: 3, viewer_count: 0 });
    expect(stream.record.recording_news).toEqual([{ session, over: true, ends: 1 }]);
    expect(kinds()).toEqual(["live"]);
    stream.settled("sother");
    expect(stream.record.state).toBe("encoding");
    stream.settled();
    expect(stream.shown).toMatchObject({ is_live: 0, total_views: 3 });
    expect(kinds()).toEqual(["live", "offline"]);
    stream.settled();
    expect(stream.events).toHaveLength(2);
    stream.wait(LINGER_MS);
    expect(stream.route.worker).toBeNull();
  });

  it("is waited for no longer than five minutes", () => {
    stream.end(stream.live());
    stream.wait(GRACE_MS + ENCODING_MAX_MS - 1);
    expect(stream.shown.is_live).toBe(2);
    stream.wait(1);
    expect(stream.shown.is_live).toBe(0);
    expect(stream.run((state) => state.nextTick())).toBeNull();
  });

  it("gives way to the next publisher, who begins a session of their own", () => {
    stream.end(stream.live());
    stream.wait(GRACE_MS);
    const { session } = stream.record;
    stream.recorded = false;
    const lease = stream.live();
    expect(stream.record.session).not.toBe(session);
    expect(kinds()).toEqual(["live", "offline", "live"]);
    stream.settled(session ?? "");
    expect(stream.record.state).toBe("live");
    stream.tell();
    expect([...stream.told]).toEqual([[session, { over: true, ends: 1 }]]);
    stream.end(lease);
    stream.wait(GRACE_MS);
    expect(stream.shown.is_live).toBe(0);
    expect(stream.record.recording_news).toEqual([]);
  });

  it("that comes back while it is encoding goes on, and so does its recording", () => {
    const lease = stream.live();
    const session = stream.record.session ?? "";
    stream.lost(lease);
    stream.wait(GRACE_MS + 1000);
    stream.tell();
    expect(stream.resume(stream.job(lease))).toBe(true);
    expect(stream.record.state).toBe("live");
    expect(stream.record.recording_news).toEqual([{ session, over: false, ends: 1 }]);
    expect(kinds()).toEqual(["live", "offline", "live:2"]);
    stream.end(lease, "finished");
    stream.wait(GRACE_MS);
    expect(stream.record.recording_news).toEqual([{ session, over: true, ends: 2 }]);
    stream.settled();
    expect(kinds()).toEqual(["live", "offline", "live:2", "offline:2"]);
  });

  it("that nobody saw is told of, and is not encoding", () => {
    const { lease } = stream.begin();
    stream.end(lease);
    expect(stream.record.state).toBe("offline");
    expect(stream.record.recording_news).toMatchObject([{ over: true }]);
    expect(stream.events).toEqual([]);
  });

  it("of a deleted stream is told of, and is not encoding", () => {
    stream.live();
    stream.run((state) => state.stop("deleted", stream.now));
    expect(stream.route).toMatchObject({ state: "offline", worker: null });
    expect(stream.record.recording_news).toMatchObject([{ over: true }]);
    expect(kinds()).toEqual(["live", "offline"]);
  });

  it("counts as recorded when any of its publishers was", () => {
    stream.end(stream.live());
    stream.recorded = false;
    const lease = stream.live();
    stream.end(lease);
    stream.wait(GRACE_MS);
    expect(stream.record.state).toBe("encoding");
  });

  it("let in while the control plane was away is recorded when its worker says so", () => {
    const first = stream.live();
    stream.end(first, "stopped");
    stream.settled();
    const offline = { offline: true, lease: "local", job_id: "joblocal", record: true };
    const job = { ...stream.job(first), ...offline };
    job.progress = { ...job.progress, session: "slocal" };
    expect(stream.resume(job)).toBe(true);
    stream.lost("local");
    stream.wait(GRACE_MS);
    stream.tell();
    expect(stream.told.get("slocal")).toEqual({ over: true, ends: 1 });
  });

  it("whose recording is refused has a warning and an event, and goes on", () => {
    const lease = stream.live();
    stream.report(lease, { event: "recording_refused", cause: "disk", message: "The disk is full" });
    expect(stream.route).toMatchObject({ state: "live", warnings: ["The disk is full"] });
    expect(kinds()).toEqual(["live", "recording_refused:disk"]);
    stream.report(lease, { event: "warning", message: "MP3 audio is dropped" });
    stream.report(lease, { event: "recording_resumed", message: "The disk is full" });
    expect(stream.route.warnings).toEqual(["MP3 audio is dropped"]);
  });

  it("was not known to records of older versions", () => {
    const { recorded, ends, recording_news, encoding_until, ...older } = newLiveRecord(7);
    expect(LiveRecord.parse(older)).toEqual({ ...older, recorded, ends, recording_news, encoding_until });
  });
});

describe("stop and revoke", () => {
  it("refuse older path tokens", () => {
    stream.live();
    expect(stream.run((state) => state.revoke())).toEqual({ worker_id: "wa", stream_id: 7, generation: 1 });
    expect(stream.route.generation).toBe(1);
    expect(stream.record.state).toBe("live");
    stream.run((state) => state.stop("deleted", stream.now));
    expect(stream.route).toMatchObject({ generation: 2, state: "offline", worker: null });
    expect(stream.events).toHaveLength(2);
    expect(stream.run((state) => state.stop("deleted", stream.now))).toEqual({ order: null, revocation: null });
    expect(stream.events).toHaveLength(2);
  });
});

describe("viewers", () => {
  const watch = (count: number) => stream.run((state) => state.viewers(count, stream.now));
  it("are shown by the database at most every 10 s, and by the object at once", () => {
    stream.live();
    watch(3);
    expect(stream.shown.viewer_count).toBe(3);
    stream.now += 1000;
    watch(8);
    expect(stream.shown.viewer_count).toBe(3);
    expect(stream.route.viewer_count).toBe(8);
    stream.wait(9000);
    expect(stream.shown.viewer_count).toBe(8);
  });
  it("count as views at the end, at their most", () => {
    const lease = stream.live();
    watch(5);
    watch(2);
    stream.end(lease);
    stream.wait(GRACE_MS);
    expect(stream.shown).toMatchObject({ viewer_count: 0, total_views: 5 });
    watch(4);
    expect(stream.shown.viewer_count).toBe(0);
    expect(stream.route.viewer_count).toBe(0);
  });
});

describe("warnings", () => {
  it("are kept for the session, each once, the last few", () => {
    const lease = stream.live();
    for (const message of ["MP3", "MP3", ...Array.from({ length: 20 }, (_, i) => `w${i}`)]) {
      stream.report(lease, { event: "warning", message });
    }
    expect(stream.route.warnings).toHaveLength(8);
    expect(stream.route.warnings.at(-1)).toBe("w19");
    stream.end(lease, "stopped");
    stream.live();
    expect(stream.route.warnings).toEqual([]);
  });
});

describe("any order of events", () => {
  it("moves only as LIVE_MOVES allows, never lets a number come again, and pairs its events", () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant("begin" as const), worker: fc.constantFrom(A, B), recorded: fc.boolean() }),
      fc.record(
        { op: fc.constantFrom("ready", "end", "stop", "lost", "resume", "settled", "tell") },
        { requiredKeys: ["op"] },
      ),
      fc.record({ op: fc.constant("progress" as const), segments: fc.nat(4) }),
      fc.record({ op: fc.constant("wait" as const), ms: fc.nat(20_000) }),
    );
    const which = fc.nat(2);
    fc.assert(
      fc.property(fc.array(fc.tuple(step, which), { maxLength: 60 }), (steps) => {
        stream = new Stream();
        const leases: string[] = [];
        const moves = new Set<string>();
        const recorded = new Set<string>();
        let published = -1;
        let version = 0;
        for (const [action, back] of steps) {
          const before = stream.record.state;
          const lease = leases.at(-1 - back);
          const holds = lease !== undefined && stream.record.publisher?.lease === lease;
          if (action.op === "begin") {
            stream.recorded = "recorded" in action && action.recorded;
            const begun = stream.begin("worker" in action ? action.worker : A);
            if (begun.reply.ok) {
              leases.push(begun.lease);
              expect(begun.reply.live.first_msn).toBeGreaterThan(published);
            }
          } else if (action.op === "wait") stream.wait("ms" in action ? action.ms : 0);
          else if (action.op === "settled") stream.settled();
          else if (action.op === "tell") stream.tell();
          else if (lease === undefined) continue;
          else if (action.op === "progress") {
            // Two segments a second is the most a packager makes.
            if (holds) stream.wait(2000);
            if (stream.record.publisher?.lease === lease && stream.record.publisher.ready) {
              const progress = stream.progress(lease, "segments" in action ? action.segments : 0);
              published = Math.max(published, progress.next_msn - 1);
              stream.run((state) => state.progress(progress, lease, stream.now));
            }
          } else if (action.op === "ready") {
            stream.ready(lease);
            if (holds) published = Math.max(published, stream.progress(lease).next_msn - 1);
          } else if (action.op === "end") stream.end(lease);
          else if (action.op === "lost") stream.lost(lease);
          else if (action.op === "resume") stream.resume(stream.job(lease), stream.record.publisher?.worker ?? A);
          else stream.run((state) => state.stop("key_regenerated", stream.now));
          const after = stream.record.state;
          if (stream.record.recorded && stream.record.session !== null) recorded.add(stream.record.session);
          if (before !== after) moves.add(`${before} ${after}`);
          expect(stream.record.version).toBeGreaterThanOrEqual(version);
          version = stream.record.version;
        }
        // A single step may pass through a state in between (grace → starting → offline), never through an illegal move:
        // the class throws on those.
        for (const move of moves) expect(LiveState.options).toContain(move.split(" ")[1]);
        expect(new Set(stream.events).size).toBe(stream.events.length);
        const kinds = stream.events.map((id) => /:(live|offline)/.exec(id)?.[1]);
        expect(kinds).toEqual(kinds.map((_, index) => (index % 2 === 0 ? "live" : "offline")));
        expect(stream.shown.is_live > 0).toBe(kinds.at(-1) === "live");
        // Of each recorded session the database knows whether it is over.
        stream.tell();
        const { session, state } = stream.record;
        for (const each of recorded) {
          const goesOn = each === session && state !== "offline" && state !== "encoding";
          expect(stream.told.get(each)?.over ?? false, each).toBe(!goesOn);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("refuses every move that is not in the table", () => {
    for (const from of LiveState.options) {
      for (const to of LiveState.options) {
        const record = { ...newLiveRecord(7), state: from, session: "s", announced: 1 };
        const publisher = { job_id: "j", lease: "l", worker: A, ready: false };
        const attempts: Partial<Record<LiveState, () => void>> = {
          live: () => {
            const state = new LiveStreamState({ ...record, publisher });
            const progress = { stream_id: 7, session: "s", epoch: "e", next_msn: 1, discontinuity_sequence: 0 };
            const report = { job_id: "j", attempt: 1, seq: 0, lease: "l" };
            const body = { event: "ready" as const, tracks: [], target_duration_s: 2 };
            state.report({ ...report, progress: { ...progress, target_duration_s: 2, bytes_in: 0 }, body }, T0);
          },
          offline: () => void new LiveStreamState(record).stop("key_regenerated", T0),
        };
        const attempt = attempts[to];
        if (!attempt || from === to) continue;
        const legal = (LIVE_MOVES[from] as readonly LiveState[]).includes(to);
        if (legal) expect(attempt).not.toThrow();
        else expect(attempt, `${from} → ${to}`).toThrow(/illegal move/);
      }
    }
  });
});
