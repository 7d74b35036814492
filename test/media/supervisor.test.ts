/** The media worker's supervisor with its real live process, against a control plane that goes away, lies and dies. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { LINK_VERSION, type PublishGrant } from "#contract/media";
import { currentKey } from "#kit/link-keys";
import { mintPathToken } from "#kit/path-token";
import { ControlPlane } from "../harness/control-plane.ts";
import { makeSource, type Source } from "../harness/h264-source.ts";
import { isAlive, type MediaWorker, type MediaWorkerOptions, startMediaWorker } from "../harness/media-worker.ts";
import { RecordingsDesk } from "../harness/recordings-desk.ts";
import { feed, openPublisher, type RtmpPublisher } from "../harness/rtmp-publisher.ts";
import { S3Stub } from "../harness/s3-stub.ts";

let source: Source;
beforeAll(async () => {
  source = await makeSource({ seconds: 30 });
});

async function controlPlane(): Promise<ControlPlane> {
  const control = new ControlPlane();
  await control.start();
  onTestFinished(() => control.stop());
  return control;
}

async function linked(
  options: Partial<MediaWorkerOptions> = {},
): Promise<{ control: ControlPlane; worker: MediaWorker }> {
  const control = await controlPlane();
  const worker = startMediaWorker({ controlUrl: control.url, ...options });
  await worker.event("linked");
  return { control, worker };
}

const until = (check: () => void | Promise<void>, timeout = 10_000) => vi.waitFor(check, { timeout, interval: 20 });

/** Publishes in real time until the connection ends. */
async function publish(worker: MediaWorker, key: string): Promise<{ publisher: RtmpPublisher; code: string }> {
  const { rtmp_port } = await worker.event("ready");
  const publisher = await openPublisher({ port: Number(rtmp_port) });
  onTestFinished(() => publisher.fin());
  const { code } = await publisher.publish(key);
  if (code === "NetStream.Publish.Start") void feed(publisher, source);
  return { publisher, code };
}

const STARTED = "NetStream.Publish.Start";
const spool = (worker: MediaWorker) =>
  readdirSync(path.join(worker.data, "spool/reports")).filter((name) => name.endsWith(".json"));
const ends = (control: ControlPlane) => control.posted.filter(({ body }) => body.event === "ended");

describe("identity", () => {
  test("is enrolled once, kept to itself, and enough from then on", async () => {
    const { control, worker } = await linked();
    expect(control.workers.size).toBe(1);
    expect(control.hellos[0]).toMatchObject({
      version: LINK_VERSION,
      roles: ["ingest", "play", "record", "transcode"],
      running: [],
    });
    const file = path.join(worker.data, "identity.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toMatchObject({ code: 0 });
    const again = startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: null });
    await again.event("linked");
    expect(control.workers.size).toBe(1);
    expect(control.hellos[1]?.boot).not.toBe(control.hellos[0]?.boot);
  });

  test("is renewed by a token when the control plane does not know it any more", async () => {
    const { control, worker } = await linked();
    worker.process.kill("SIGTERM");
    await worker.exited;
    control.workers.clear();
    control.enrolToken = "a-new-token-of-the-tests";
    const again = startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: control.enrolToken });
    await again.event("linked");
    expect(control.workers.size).toBe(1);
  });

  test("is asked for by name when there is none, and so is every wrong setting", async () => {
    const control = await controlPlane();
    const without = startMediaWorker({ controlUrl: control.url, enrolToken: null });
    expect(await without.exited).toMatchObject({ code: 1 });
    expect(JSON.stringify(without.lines)).toContain("SLUICE_ENROL_TOKEN");
    const env = { SLUICE_RTMP_PORT: "99999", SLUICE_HLS_PART_MS: "soon", SLUICE_CONTROL_URL: "ftp://x" };
    const wrong = startMediaWorker({ controlUrl: control.url, env });
    expect(await wrong.exited).toMatchObject({ code: 1 });
    for (const name of Object.keys(env)) expect(wrong.errors()).toContain(name);
  });

  test("cannot be got with a refused token", async () => {
    const control = await controlPlane();
    const worker = startMediaWorker({ controlUrl: control.url, enrolToken: "not-the-token-of-the-tests" });
    await until(() => expect(JSON.stringify(worker.lines)).toContain("refused SLUICE_ENROL_TOKEN"));
    expect(control.hellos).toEqual([]);
  });

  test("a port that is taken is said and ends it", async () => {
    const { worker } = await linked();
    const { rtmp_port } = await worker.event("ready");
    const control = await controlPlane();
    const second = startMediaWorker({ controlUrl: control.url, env: { SLUICE_RTMP_PORT: String(rtmp_port) } });
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(JSON.stringify(second.lines)).toContain("EADDRINUSE");
  });
});

describe("a publisher", () => {
  test("is let in, reported ready, and its end is handed in until it is taken", async () => {
    const { control, worker } = await linked();
    control.reportStatus.push(500, 503, 401);
    const { publisher, code } = await publish(worker, "s7");
    expect(code).toBe(STARTED);
    expect(control.asked[0]).toMatchObject({ protocol: "rtmp", app: "live", key: "s7", ip: "127.0.0.1" });
    const grant = control.grants[0]!;
    const ready = await control.nth(control.events, 1, "event");
    expect(ready).toMatchObject({ job_id: grant.job_id, lease: grant.lease, attempt: 1, seq: 0 });
    expect(ready.body.event).toBe("ready");
    const beat = await control.nth(control.heartbeats, 1, "heartbeat");
    expect(beat.progress[0]).toMatchObject({ stream_id: 7, epoch: grant.epoch });
    publisher.deleteStream();
    publisher.fin();
    await until(() => expect(ends(control)).toHaveLength(1));
    expect(ends(control)[0]).toMatchObject({ job_id: grant.job_id, lease: grant.lease });
    expect(ends(control)[0]?.progress.next_msn).toBeGreaterThan(0);
    expect(control.events.filter(({ body }) => body.event === "ended")).toHaveLength(1);
    await until(() => expect(spool(worker)).toEqual([]));
    const seqs = control.events.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  test("with a key that opens nothing is refused, and a stopped one is closed", async () => {
    const { control, worker } = await linked();
    expect((await publish(worker, "nonsense")).code).not.toBe(STARTED);
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const { job_id, lease } = control.grants[0]!;
    control.send({ type: "stop", job_id, lease: "another", reason: "stopped" });
    control.send({ type: "stop", job_id, lease, reason: "stopped" });
    await publisher.closed;
    await until(() => expect(ends(control)[0]?.body).toMatchObject({ reason: "stopped", blame: null }));
  });

  test("is watched by a path token until that is revoked", async () => {
    const { control, worker } = await linked();
    await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const { http_port } = await worker.event("ready");
    const key = currentKey((await control.keys()).path, Date.now());
    const expires = Math.floor(Date.now() / 1000) + 60;
    const watch = async (generation: number) => {
      const token = await mintPathToken(key, { stream_id: 7, generation, viewer: "v", expires });
      return (await fetch(`http://127.0.0.1:${http_port}/live/t/${token}/source.m3u8`)).status;
    };
    expect(await watch(0)).toBe(200);
    control.send({ type: "revoke", stream_id: 7, generation: 2 });
    await until(async () => expect(await watch(0)).toBe(403));
    expect(await watch(1)).toBe(403);
    expect(await watch(2)).toBe(200);
    process.kill(worker.livePid(), "SIGKILL");
    await worker.event("ready", 2);
    await publish(worker, "s7");
    await until(async () => expect(await watch(2)).toBe(200));
    expect(await watch(1)).toBe(403);
  });

  test("whose report is refused for good does not hold up the others", async () => {
    const { control, worker } = await linked();
    control.reportStatus.push(503, 400, 422);
    for (const key of ["s1", "s2"]) {
      const { publisher } = await publish(worker, key);
      publisher.fin();
    }
    await until(() => expect(ends(control)).toHaveLength(1));
    await until(() => expect(spool(worker)).toEqual([]));
    expect(readdirSync(path.join(worker.data, "spool/reports/rejected"))).toHaveLength(1);
  });
});

describe("the live process", () => {
  test("dies, is reported, and is back where it was in no time", async () => {
    const { control, worker } = await linked();
    const before = await worker.event("ready");
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const killed = performance.now();
    process.kill(worker.livePid(), "SIGKILL");
    await publisher.closed;
    await until(() => expect(ends(control)).toHaveLength(1));
    expect(ends(control)[0]?.body).toMatchObject({ reason: "worker_stopped", blame: "internal" });
    const after = await worker.event("ready", 2);
    expect(performance.now() - killed).toBeLessThan(2_500);
    expect(after).toMatchObject({ rtmp_port: before.rtmp_port, http_port: before.http_port });
    expect((await publish(worker, "s7")).code).toBe(STARTED);
    expect(control.hellos).toHaveLength(1);
  });

  test("ends when its supervisor is killed", async () => {
    const { worker } = await linked();
    const live = worker.livePid();
    worker.process.kill("SIGKILL");
    await until(() => expect(isAlive(live)).toBe(false), 5_000);
  });
});

describe("a media worker that is killed", () => {
  test("is followed by one that knows where its streams stood, and says so before hello", async () => {
    const { control, worker } = await linked();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const { http_port } = await worker.event("ready");
    const key = currentKey((await control.keys()).path, Date.now());
    const expires = Math.floor(Date.now() / 1000) + 60;
    const token = await mintPathToken(key, { stream_id: 7, generation: 0, viewer: "v", expires });
    const newest = async () => {
      const text = await (await fetch(`http://127.0.0.1:${http_port}/live/t/${token}/source.m3u8`)).text();
      return Math.max(...Array.from(text.matchAll(/^#EXT-X-PART:.*-(\d+)\.\d+\.m4s/gm), ([, msn]) => Number(msn)));
    };
    await until(async () => expect(await newest()).toBeGreaterThan(2));
    const seen = await newest();
    await new Promise((resolve) => setTimeout(resolve, 100));
    worker.process.kill("SIGKILL");
    await publisher.closed;
    control.order.length = 0;
    startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: null });
    await control.nth(control.hellos, 2, "hello");
    expect(control.order).toEqual(["posted", "hello"]);
    const [report] = ends(control);
    const { job_id, lease } = control.grants[0]!;
    expect(report).toMatchObject({ job_id, lease, body: { reason: "worker_stopped", blame: "internal" } });
    // The number after the newest that viewers could see, or after one more that began while we looked.
    expect([seen + 1, seen + 2]).toContain(report?.progress.next_msn);
    expect(report?.seq).toBeGreaterThan(control.events.at(-1)?.seq ?? 0);
  });
});

describe("stopping", () => {
  test("closes publishers, hands in their reports and exits", async () => {
    const { control, worker } = await linked();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const live = worker.livePid();
    const began = performance.now();
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toMatchObject({ code: 0 });
    expect(performance.now() - began).toBeLessThan(5_000);
    await publisher.closed;
    expect(ends(control)[0]?.body).toMatchObject({ reason: "worker_stopped" });
    expect(spool(worker)).toEqual([]);
    expect(isAlive(live)).toBe(false);
  });

  test("follows the end of standard input, when whoever started it died", async () => {
    const { worker } = await linked();
    const live = worker.livePid();
    worker.process.stdin?.end();
    expect(await worker.exited).toMatchObject({ code: 0 });
    expect(isAlive(live)).toBe(false);
  });
});

describe("a recording", () => {
  async function recorded(): Promise<{ control: ControlPlane; worker: MediaWorker; desk: RecordingsDesk; s3: S3Stub }> {
    const s3 = new S3Stub();
    await s3.start();
    onTestFinished(() => s3.close());
    const { control, worker } = await linked();
    control.recordings = new RecordingsDesk(s3);
    return { control, worker, desk: control.recordings, s3 };
  }
  const parts = (desk: RecordingsDesk) => [...desk.parts.values()];
  const left = (worker: MediaWorker) => readdirSync(path.join(worker.data, "spool/recordings"));
  const finish = (control: ControlPlane, grant: PublishGrant) => {
    const task = { job_id: `finish:${grant.epoch}`, attempt: 1, lease: "lease" };
    const { stream_id, session } = grant;
    control.send({ type: "assign", task, order: { kind: "finish", stream_id, session } });
    return task;
  };
  const events = (control: ControlPlane) => control.taskEvents.map(({ body }) => body.event);

  test("is on S3 soon after the publisher left, and its finishing then done", async () => {
    const { control, worker, desk, s3 } = await recorded();
    const { publisher } = await publish(worker, "s7");
    await until(() => expect(parts(desk)).toHaveLength(1));
    const grant = control.grants[0]!;
    expect(parts(desk)[0]?.opened).toMatchObject({ stream_id: 7, session: grant.session, epoch: grant.epoch, n: 0 });
    finish(control, grant);
    await until(() => expect(events(control)).toEqual(["running"]));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    publisher.deleteStream();
    publisher.fin();
    await until(() => expect(events(control)).toContain("done"));
    expect(left(worker)).toEqual([]);
    const [part] = parts(desk);
    expect(part).toMatchObject({ state: "done", completed: { end: "finished" } });
    expect(part?.completed?.duration_ms).toBeGreaterThan(1_500);
    expect((await s3.read(part?.key ?? "")).subarray(4, 8).toString()).toBe("ftyp");
  });

  test("of a live process that was killed is handed in up to the kill", async () => {
    const { control, worker, desk } = await recorded();
    await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    process.kill(worker.livePid(), "SIGKILL");
    await until(() => expect(parts(desk)[0]?.state).toBe("done"));
    expect(parts(desk)[0]?.completed?.end).toBe("crashed");
    expect(parts(desk)[0]?.completed?.duration_ms).toBeGreaterThan(1_500);
    await until(() => expect(left(worker)).toEqual([]));
  });

  test("of a media worker that was killed is handed in by the next one", async () => {
    const { control, worker, desk, s3 } = await recorded();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    worker.process.kill("SIGKILL");
    await publisher.closed;
    await worker.exited;
    expect(s3.objects.size).toBe(0);
    startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: null });
    await until(() => expect(parts(desk)[0]?.state).toBe("done"));
    expect(parts(desk)).toHaveLength(1);
    expect(parts(desk)[0]?.completed?.end).toBe("crashed");
  });

  test("ends in order with its worker, and is handed in then or at the next start", async () => {
    const { control, worker, desk } = await recorded();
    await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toMatchObject({ code: 0 });
    // On a busy machine there may not have been time for it.
    if (left(worker).length > 0) startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: null });
    await until(() => expect(left(worker)).toEqual([]));
    expect(parts(desk)).toMatchObject([{ state: "done", completed: { end: "worker_stopped" } }]);
  });
});

describe("the control plane away", () => {
  test("running publishers go on and are told of at the next hello", async () => {
    const { control, worker } = await linked();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    await control.stop();
    const before = control.hellos.length;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(publisher.isClosed).toBe(false);
    await control.start();
    const back = performance.now();
    const hello = await control.nth(control.hellos, before + 1, "hello");
    expect(performance.now() - back).toBeLessThan(3_500);
    const grant = control.grants[0]!;
    expect(hello.running).toMatchObject([{ job_id: grant.job_id, lease: grant.lease, ready: true }]);
    expect(hello.running[0]?.offline).toBeUndefined();
    expect(hello.running[0]?.progress).toMatchObject({ session: grant.session, epoch: grant.epoch });
    expect(hello.boot).toBe(control.hellos[0]?.boot);
    expect(publisher.isClosed).toBe(false);
  });

  test("a known publisher is let in again, an unknown one is not, and all ends are handed in before hello", async () => {
    const { control, worker } = await linked();
    const first = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    const grant = control.grants[0]!;
    await control.stop();
    first.publisher.fin();
    await first.publisher.closed;
    await until(() => expect(spool(worker)).toHaveLength(1));
    const second = await publish(worker, "s7");
    expect(second.code).toBe(STARTED);
    expect((await publish(worker, "s8")).code).not.toBe(STARTED);
    control.order.length = 0;
    const hellos = control.hellos.length;
    await control.start();
    const hello = await control.nth(control.hellos, hellos + 1, "hello");
    expect(control.order).toEqual(["posted", "hello"]);
    expect(ends(control)).toMatchObject([{ job_id: grant.job_id, lease: grant.lease }]);
    expect(hello.running).toHaveLength(1);
    const [job] = hello.running;
    expect(job).toMatchObject({ offline: true, key_hash: expect.stringMatching(/^[\w-]{43}$/) });
    expect(job?.job_id).not.toBe(grant.job_id);
    expect(job?.progress.session).toBe(grant.session);
    expect(job?.progress.epoch).not.toBe(grant.epoch);
    // Once the control plane has taken it over, it is a session like any other.
    await worker.event("linked", 2);
    await control.stop();
    await control.start();
    const next = await control.nth(control.hellos, hellos + 2, "hello");
    expect(next.running[0]?.offline).toBeUndefined();
    expect(second.publisher.isClosed).toBe(false);
  });

  test("what the control plane does not want is closed", async () => {
    const { control, worker } = await linked();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    control.desired = () => false;
    await control.stop();
    await control.start();
    await publisher.closed;
    await until(() => expect(ends(control)[0]?.body).toMatchObject({ reason: "stopped" }));
  });

  test("a control plane that takes everything and answers nothing counts as away after four seconds", async () => {
    const { control, worker } = await linked();
    const first = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    first.publisher.fin();
    await first.publisher.closed;
    control.silent = true;
    const began = performance.now();
    expect((await publish(worker, "s7")).code).toBe(STARTED);
    expect(performance.now() - began).toBeGreaterThan(3_900);
    expect(performance.now() - began).toBeLessThan(8_000);
    control.silent = false;
    const hello = await control.nth(control.hellos, 2, "hello");
    expect(hello.running).toMatchObject([{ offline: true }]);
  });

  test("a worker that was killed hands in its last reports when it starts again", async () => {
    const { control, worker } = await linked();
    const { publisher } = await publish(worker, "s7");
    await control.nth(control.events, 1, "event");
    await control.stop();
    publisher.fin();
    await until(() => expect(spool(worker)).toHaveLength(1));
    worker.process.kill("SIGKILL");
    await worker.exited;
    await control.start();
    startMediaWorker({ controlUrl: control.url, data: worker.data, enrolToken: null });
    await until(() => expect(ends(control)).toHaveLength(1));
  });
});
