/** Pure parts of the media link: back-off, names, numbers, settings, and whom a worker lets in by itself. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { decodeJwt } from "jose";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { GRACE_MS } from "#contract/live";
import type { JobReport, PublishGrant, StreamProgress } from "#contract/media";
import { BackOff } from "#kit/back-off";
import { parseMediaName } from "#kit/media-names";
import { newEpoch } from "#kit/publish-ids";
import { continueAfter } from "#kit/sequence";
import { Identity } from "../../media-worker/link/identity.ts";
import { hashStreamKey, Publishers } from "../../media-worker/link/publishers.ts";
import { ReportPoster } from "../../media-worker/link/report-poster.ts";
import { Spool } from "../../media-worker/link/spool.ts";
import { parseSettings } from "../../media-worker/settings.ts";
import { eventually } from "../harness/eventually.ts";

const T0 = Date.UTC(2026, 10, 21);
const HOUR = 3_600_000;

const grant = (extra: Partial<PublishGrant> = {}): PublishGrant => ({
  job_id: "job1",
  attempt: 1,
  lease: "lease1",
  stream_id: 7,
  session: "s1",
  epoch: "e1",
  first_msn: 100,
  discontinuity_sequence: 3,
  last_target_duration_s: 4,
  policy: { second_publisher: "takeover", max_bitrate_bps: 1, record: true },
  ...extra,
});

const progress = (next_msn: number, extra: Partial<StreamProgress> = {}): StreamProgress => ({
  stream_id: 7,
  session: "s1",
  epoch: "e1",
  next_msn,
  discontinuity_sequence: 3,
  target_duration_s: 4,
  bytes_in: 1,
  ...extra,
});

const over = { event: "ended", reason: "disconnected", blame: null, ended_at: T0 } as const;

describe("back-off", () => {
  it("doubles up to its most, with jitter, and begins anew after success", () => {
    const steady = new BackOff(100, 2_000, () => 0.999_999);
    expect(Array.from({ length: 7 }, () => Math.round(steady.next()))).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
    steady.reset();
    expect(Math.round(steady.next())).toBe(100);
    const random = new BackOff(100, 2_000);
    for (let i = 0; i < 100; i++) expect(random.next()).toBeGreaterThanOrEqual(50);
  });
});

describe("media names", () => {
  it("are exactly those that the packager gives", () => {
    expect(parseMediaName("index.m3u8")).toEqual({ kind: "master" });
    expect(parseMediaName("source.m3u8")).toEqual({ kind: "playlist" });
    for (const name of ["e1-0.m4s", "e1-12.3.m4s", "e1-init0.mp4"]) {
      expect(parseMediaName(name)).toEqual({ kind: "media", epoch: "e1" });
    }
    const epoch = newEpoch(T0);
    expect(parseMediaName(`${epoch}-9.m4s`)).toEqual({ kind: "media", epoch });
  });
  it("are nothing else", () => {
    for (const name of [
      "",
      ".",
      "..",
      "../index.m3u8",
      "e-1-0.m4s",
      "e1-.m4s",
      "e1-0.m4s\n",
      "e1-0.m4s?x",
      "E/e1-0.m4s",
    ]) {
      expect(parseMediaName(name), name).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), (name) => {
        const parsed = parseMediaName(name);
        if (parsed) expect(name).toMatch(/^[\w.-]+$/);
      }),
    );
  });
});

describe("numbers after an end", () => {
  it("go on exactly where it is known, and beyond anything possible where it is not", () => {
    const at = { next_msn: 10, discontinuity_sequence: 2 };
    expect(continueAfter(at, null)).toEqual({ first_msn: 10, discontinuity_sequence: 3 });
    expect(continueAfter(at, 0).first_msn).toBeGreaterThan(10);
    expect(continueAfter(at, 60_000).first_msn).toBeGreaterThanOrEqual(10 + 120);
    expect(continueAfter(at, -5_000)).toEqual(continueAfter(at, 0));
  });
});

describe("settings", () => {
  const required = { SLUICE_CONTROL_URL: "http://127.0.0.1:8080/", SLUICE_MEDIA_PUBLIC_URL: "http://127.0.0.1:9000" };
  it("have defaults, and drop a slash at the end", () => {
    expect(parseSettings({ ...required, SLUICE_ENROL_TOKEN: "" })).toMatchObject({
      controlUrl: "http://127.0.0.1:8080",
      enrolToken: null,
      exitWithParent: false,
      live: { host: "127.0.0.1", rtmpPort: 1935, partMs: 500 },
    });
  });
  it.each([
    ["SLUICE_CONTROL_URL", ""],
    ["SLUICE_CONTROL_URL", "ws://x"],
    ["SLUICE_MEDIA_PUBLIC_URL", "nowhere"],
    ["SLUICE_ENROL_TOKEN", "short"],
    ["SLUICE_RTMP_PORT", "-1"],
    ["SLUICE_RTMP_PORT", "1.5"],
    ["SLUICE_MEDIA_PORT", "http"],
    ["SLUICE_HLS_PART_MS", "5"],
    ["SLUICE_RTMP_PUBLIC_URL", "http://x"],
    ["SLUICE_EXIT_WITH_PARENT", "yes"],
  ])("name what is wrong: %s=%s", (name, value) => {
    expect(() => parseSettings({ ...required, [name]: value })).toThrow(name);
  });
});

describe("publishers", () => {
  const key = hashStreamKey("live_x");
  let publishers: Publishers;
  beforeEach(() => {
    publishers = new Publishers();
  });
  const admitted = (now: number) => {
    const reply = publishers.admitOffline(key, now);
    if (!reply.ok) throw new Error(reply.message);
    return reply.grant;
  };

  it("number the reports of each job", () => {
    publishers.granted(key, grant(), T0);
    publishers.granted(hashStreamKey("other"), grant({ job_id: "job2", stream_id: 8 }), T0);
    const seqs = ["job1", "job1", "job2", "job1"].map(
      (job_id) => publishers.report(grant({ job_id }), progress(101), { event: "warning", message: "m" }, T0).seq,
    );
    expect(seqs).toEqual([0, 1, 0, 2]);
  });

  it("known to the control plane get in without it for a day", () => {
    expect(publishers.admitOffline(key, T0)).toMatchObject({ ok: false, reason: "unavailable" });
    publishers.granted(key, grant(), T0);
    expect(publishers.admitOffline(hashStreamKey("other"), T0).ok).toBe(false);
    expect(publishers.admitOffline(key, T0 + 24 * HOUR).ok).toBe(true);
    expect(publishers.admitOffline(key, T0 + 24 * HOUR + 1).ok).toBe(false);
    publishers.granted(key, grant(), T0);
    publishers.forget(key);
    expect(publishers.admitOffline(key, T0).ok).toBe(false);
    publishers.granted(key, grant(), T0);
    publishers.revoked("job1");
    expect(publishers.admitOffline(key, T0).ok).toBe(false);
  });

  it("go on with their session inside the grace, and start another one after it", () => {
    publishers.granted(key, grant(), T0);
    publishers.report(grant(), progress(120), over, T0);
    const inside = admitted(T0 + GRACE_MS - 1);
    expect(inside).toMatchObject({
      session: "s1",
      first_msn: 120,
      discontinuity_sequence: 4,
      last_target_duration_s: 4,
    });
    expect(inside.epoch).not.toBe("e1");
    expect(inside.lease).not.toBe("lease1");
    publishers.report(inside, progress(125, { epoch: inside.epoch }), over, T0);
    const after = admitted(T0 + GRACE_MS);
    expect(after.session).not.toBe("s1");
    expect(after.first_msn).toBe(125);
  });

  it("take over from one that still runs, with numbers beyond it, unless the stream refuses", () => {
    publishers.granted(key, grant(), T0);
    publishers.progress([progress(110)], T0);
    expect(admitted(T0 + 5_000)).toMatchObject({ session: "s1", first_msn: 122 });
    publishers = new Publishers();
    publishers.granted(key, grant({ policy: { second_publisher: "refuse", max_bitrate_bps: 1, record: true } }), T0);
    expect(publishers.admitOffline(key, T0)).toMatchObject({ ok: false, reason: "busy" });
    publishers.report(grant(), progress(110), over, T0);
    expect(publishers.admitOffline(key, T0).ok).toBe(true);
  });

  it("let in offline say so in hello until the control plane knows them", () => {
    publishers.granted(key, grant(), T0);
    publishers.report(grant(), progress(120), over, T0);
    const { job_id, lease } = admitted(T0);
    const job = {
      job_id,
      attempt: 1,
      lease,
      kind: "ingest" as const,
      ready: true,
      started_at: T0,
      tracks: [],
      warnings: [],
    };
    const describeJob = () => publishers.describe([{ ...job, progress: progress(120) }])[0];
    expect(describeJob()).toMatchObject({ offline: true, key_hash: key, record: true });
    expect(publishers.reconcile([], new Set())).toMatchObject({ keep: [{ job_id }], unheard: true });
    expect(publishers.reconcile([{ job_id, attempt: 1, lease }], new Set([job_id]))).toMatchObject({
      keep: [{ job_id }],
      unheard: false,
    });
    expect(describeJob()?.offline).toBeUndefined();
  });

  it("that never came to run are given up", () => {
    publishers.granted(key, grant(), T0);
    const job = { job_id: "job1", attempt: 1, lease: "lease1", kind: "ingest" as const, ready: false, started_at: T0 };
    const runs = [{ ...job, tracks: [], warnings: [], progress: progress(100) }];
    expect(publishers.lostBut([], T0 + 10_000)).toEqual([]);
    expect(publishers.lostBut(runs, T0 + 60_000)).toEqual([]);
    expect(publishers.lostBut([], T0 + 60_000)).toMatchObject([{ job_id: "job1", body: { event: "ended" } }]);
    expect(publishers.lostBut([], T0 + 60_000)).toEqual([]);
  });

  it("lost with the live process end where they stood, once", () => {
    publishers.granted(key, grant(), T0);
    publishers.progress([progress(110)], T0 + 1_000);
    const [report, ...others] = publishers.lostAll(T0 + 4_000);
    expect(others).toEqual([]);
    expect(report).toMatchObject({
      job_id: "job1",
      lease: "lease1",
      body: { reason: "worker_stopped", blame: "internal" },
    });
    expect(report?.progress.next_msn).toBe(110);
    expect(publishers.lostAll(T0 + 5_000)).toEqual([]);
  });
});

describe("a bearer token", () => {
  it("leaves room for a clock that is ahead, or behind", async () => {
    const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    const { kty, crv, x, d } = z
      .object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() })
      .parse(key);
    const { iat = 0, exp = 0 } = decodeJwt(await new Identity("mw_1", { kty, crv, x, d }).token(T0));
    expect(T0 / 1000 - iat).toBeGreaterThanOrEqual(20);
    expect(exp - T0 / 1000).toBeGreaterThanOrEqual(20);
    // The control plane takes none that lives longer.
    expect(exp - iat).toBeLessThanOrEqual(60);
  });
});

describe("the spool", () => {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const report = (seq: number): JobReport => ({
    job_id: "job1",
    attempt: 1,
    seq,
    lease: "l",
    progress: progress(1),
    body: over,
  });
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "sluice-spool-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
  });

  it("keeps reports in order over a restart, and moves aside what cannot be read", () => {
    const spool = new Spool(folder, log);
    for (const seq of [1, 2]) spool.add(report(seq));
    writeFileSync(path.join(folder, "000000000001.json"), "{");
    writeFileSync(path.join(folder, "000000000002.json.tmp"), "half");
    const again = new Spool(folder, log);
    again.add(report(3));
    expect(again.oldest(10).map((spooled) => spooled.report.seq)).toEqual([1, 3]);
    expect(readdirSync(path.join(folder, "rejected"))).toHaveLength(1);
    for (const { file } of again.oldest(10)) again.taken(file);
    expect(again.isEmpty()).toBe(true);
  });

  it("keeps in memory what the disk does not take", () => {
    const spool = new Spool(folder, log);
    spool.add(report(1));
    mkdirSync(path.join(folder, "000000000001.json.tmp")); // in the way of the next file
    spool.add(report(2));
    spool.add(report(3));
    const spooled = spool.oldest(10);
    expect(spooled.map(({ report: { seq } }) => seq)).toEqual([1, 2, 3]);
    spool.reject(spooled[1]!.file, "status 422");
    expect(spool.oldest(10).map(({ report: { seq } }) => seq)).toEqual([1, 3]);
    for (const { file } of spooled) spool.taken(file);
    expect(spool.isEmpty()).toBe(true);
  });

  it("is sent in batches until each report is taken or refused for good", async () => {
    const spool = new Spool(folder, log);
    for (let seq = 0; seq < 120; seq++) spool.add(report(seq));
    const taken: number[] = [];
    let answers = 0;
    const sent = async (_: unknown, init?: RequestInit) => {
      answers += 1;
      if (answers === 1) throw new Error("connection refused");
      const seqs = JSON.parse(String(init?.body)).reports.map(({ seq }: JobReport) => seq);
      if (seqs.includes(60)) return new Response(null, { status: seqs.length > 1 ? 400 : 422 });
      taken.push(...seqs);
      return new Response("{}");
    };
    const fetch = sent as typeof globalThis.fetch;
    const poster = new ReportPoster({ spool, url: "http://control.test", token: async () => "t", fetch, log });
    poster.kick();
    await eventually(() => expect(spool.isEmpty()).toBe(true));
    expect(taken).toEqual(Array.from({ length: 120 }, (_, seq) => seq).filter((seq) => seq !== 60));
    expect(readdirSync(path.join(folder, "rejected"))).toHaveLength(1);
    poster.stop();
  });

  it("is kept while there is no identity, and flushing it does not wait for ever", async () => {
    const spool = new Spool(folder, log);
    spool.add(report(1));
    const fetch = vi.fn<typeof globalThis.fetch>();
    const poster = new ReportPoster({ spool, url: "http://control.test", token: async () => null, fetch, log });
    await poster.flush(5_000);
    expect(fetch).not.toHaveBeenCalled();
    expect(spool.isEmpty()).toBe(false);
    poster.stop();
  });
});
