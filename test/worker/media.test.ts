/** The media link: enrolment, the socket, publishers let in, their jobs, and what a silence does. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LINK_CLOSE, type PublishGrant } from "../../schema/contract/media.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { enrolment_tokens, job_reports, jobs, media_workers } from "../../schema/tables/media.ts";
import { streams } from "../../schema/tables/streams.ts";
import { createEnrolmentToken } from "../../workers/media/create-enrolment-token.ts";
import { sweepJobs } from "../../workers/media/sweep.ts";
import { eventually } from "../harness/eventually.ts";
import { audited, bindings, call, db, newStream, newUser, system } from "./client.ts";
import { ended, enrol, newKeys, progress, READY, report, runningJob, signed, TestMediaWorker } from "./media-worker.ts";

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser();
});

const job = (id: string) => db.select().from(jobs).where(eq(jobs.id, id)).get();
const shown = (id: number) => db.select().from(streams).where(eq(streams.id, id)).get();
const liveObject = (id: number) => bindings.LIVE_STREAM.getByName(String(id));
const nodeObject = (id: string) => bindings.MEDIA_NODE.getByName(id);
const until = <T>(read: () => Promise<T>, check: (value: T) => void) => eventually(async () => check(await read()));
const isLive = (id: number, value: 0 | 1) =>
  until(
    () => shown(id),
    (row) => expect(row?.is_live).toBe(value),
  );
const inState = (id: string, state: string) =>
  until(
    () => job(id),
    (row) => expect(row?.state).toBe(state),
  );

/** As if so much time had passed in the object's own record of the link. */
async function ageLink(worker: TestMediaWorker, ms: number): Promise<void> {
  await runInDurableObject(nodeObject(worker.id), (_, state) => {
    const [row] = state.storage.sql.exec<{ value: string }>("SELECT value FROM link").toArray();
    const link = JSON.parse(row?.value ?? "{}");
    link.heard_at -= ms;
    if (link.closed_at !== null) link.closed_at -= ms;
    state.storage.sql.exec("UPDATE link SET value = ?", JSON.stringify(link));
  });
}

/** The grace is over. */
async function endGrace(streamId: number): Promise<void> {
  await runInDurableObject(liveObject(streamId), (_, state) => {
    const [row] = state.storage.sql.exec<{ value: string }>("SELECT value FROM record").toArray();
    const record = JSON.parse(row?.value ?? "{}");
    if (record.grace_until !== null) record.grace_until = 1;
    state.storage.sql.exec("UPDATE record SET value = ?", JSON.stringify(record));
  });
  await runDurableObjectAlarm(liveObject(streamId));
}

async function outbox(streamId: number): Promise<string[]> {
  return runInDurableObject(liveObject(streamId), (_, state) =>
    state.storage.sql
      .exec<{ id: string }>("SELECT id FROM outbox ORDER BY rowid")
      .toArray()
      .map((row) => row.id.replace(/^stream:\d+:[^:]+:/, "")),
  );
}

describe("enrolment", () => {
  test("a token makes one worker, however many ask at once", async () => {
    const token = await createEnrolmentToken(system());
    const keys = await Promise.all(Array.from({ length: 20 }, newKeys));
    const replies = await Promise.all(keys.map(({ publicKey }) => enrol(token, publicKey)));
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    const refused = replies.filter((reply) => reply.status === 401);
    expect(refused).toHaveLength(19);
    expect(new Set(refused.map((reply) => reply.body.error)).size).toBe(1);
    expect(await db.select().from(media_workers)).toHaveLength(1);
    expect(await audited("media_worker_enrol")).toHaveLength(1);
  });

  test("asked again for the same key, because the reply was lost, it says the same", async () => {
    const token = await createEnrolmentToken(system());
    const { publicKey } = await newKeys();
    const first = await enrol(token, publicKey);
    expect((await enrol(token, publicKey)).body).toEqual(first.body);
  });

  test("refuses what is unknown, expired or malformed, and keeps no token in plain", async () => {
    const { publicKey } = await newKeys();
    expect((await enrol("no-such-token-0123456789", publicKey)).status).toBe(401);
    const token = await createEnrolmentToken(system());
    await db
      .update(enrolment_tokens)
      .set({ expires_at: 1 })
      .where(eq(enrolment_tokens.hash, await hashKey(token)));
    expect((await enrol(token, publicKey)).status).toBe(401);
    const good = await createEnrolmentToken(system());
    for (const key of ["", "short", "*".repeat(43)]) expect((await enrol(good, key)).status).toBe(400);
    expect((await enrol(good, publicKey, "")).status).toBe(400);
    expect(JSON.stringify(await db.select().from(enrolment_tokens))).not.toContain(good);
    expect((await enrol(good, publicKey)).status).toBe(200);
  });
});

describe("the link's credential", () => {
  const dial = async (token: string | undefined, upgrade = "websocket") =>
    (await call("GET", "/internal/media/link", { ...(token !== undefined && { token }), headers: { upgrade } })).status;

  test("is a fresh token signed by the enrolled key, for us", async () => {
    const worker = await TestMediaWorker.enrol();
    const now = Math.floor(Date.now() / 1000);
    expect(await dial(undefined)).toBe(401);
    expect(await dial("x.y.z")).toBe(401);
    expect(await dial(await worker.token({ aud: "somebody-else" }))).toBe(401);
    expect(await dial(await worker.token({ iat: now - 120, exp: now + 60 }))).toBe(401);
    expect(await dial(await worker.token({ exp: now + 3600 }))).toBe(401);
    expect(await dial(await worker.token({ iat: now - 120, exp: now - 60 }))).toBe(401);
    expect(await dial(await worker.token({ sub: "mw_nobody" }))).toBe(401);
    const { privateKey } = await newKeys();
    expect(await dial(await signed(privateKey, { sub: worker.id }))).toBe(401);
    expect(await dial(owner.token)).toBe(401);
    expect(await dial(await worker.token(), "h2c")).toBe(400);
    await db.update(media_workers).set({ revoked_at: Date.now() }).where(eq(media_workers.id, worker.id));
    expect(await dial(await worker.token())).toBe(401);
    expect((await worker.post([])).status).toBe(401);
  });
});

describe("the link's frames", () => {
  let worker: TestMediaWorker;
  beforeEach(async () => {
    worker = await TestMediaWorker.enrol();
  });

  test("hello is answered by welcome with keys of its own, and remembered", async () => {
    const welcome = await worker.connect();
    expect(welcome).toMatchObject({ worker_id: worker.id, desired: [], heartbeat_seconds: 5, lease_seconds: 15 });
    expect(welcome.keys.request).toHaveLength(3);
    expect(welcome.keys.path).toHaveLength(3);
    const other = await (await TestMediaWorker.enrol()).connect();
    const secrets = [...welcome.keys.request, ...welcome.keys.path, ...other.keys.request].map((key) => key.secret);
    expect(new Set(secrets).size).toBe(9);
    const row = await db.select().from(media_workers).where(eq(media_workers.id, worker.id)).get();
    expect(row).toMatchObject({ play_url: worker.playUrl, roles: ["ingest", "play"] });
    expect(row?.last_seen_at).toBeGreaterThan(Date.now() - 10_000);
  });

  test("a newer link replaces the older", async () => {
    await worker.connect();
    const first = worker.link;
    await worker.connect();
    expect(await first.closed).toMatchObject({ code: LINK_CLOSE.replaced });
    expect(await nodeObject(worker.id).online()).toBe(true);
  });

  test.each([
    ["{", LINK_CLOSE.badFrame, /not JSON/],
    ["[]", LINK_CLOSE.badFrame, /bad frame/],
    [JSON.stringify({ type: "launch" }), LINK_CLOSE.badFrame, /bad frame/],
    [JSON.stringify({ type: "hello", version: 99 }), LINK_CLOSE.unsupportedVersion, /version 99/],
    [JSON.stringify({ type: "authorise", rid: "1" }), LINK_CLOSE.badFrame, /bad frame: request/],
    [`"${"x".repeat(1 << 20)}"`, LINK_CLOSE.badFrame, /too large/],
  ])("a bad frame closes it and says why: %.40s", async (text, code, reason) => {
    const link = await worker.dial();
    link.send(text);
    const closed = await link.closed;
    expect(closed.code).toBe(code);
    expect(closed.reason).toMatch(reason);
  });

  test("nothing is taken before hello", async () => {
    const link = await worker.dial();
    link.send({ type: "authorise", rid: "1", request: { protocol: "rtmp", app: "live", key: "k", ip: "::1" } });
    expect(await link.closed).toMatchObject({ code: LINK_CLOSE.badFrame });
  });

  test("survives the eviction of its object", async () => {
    await worker.connect();
    const { stream_key, id } = await newStream(owner.token);
    const grant = await worker.publish(stream_key);
    await isLive(id, 1);
    await evictDurableObject(nodeObject(worker.id));
    await evictDurableObject(liveObject(id));
    worker.event(grant, 1, ended());
    await inState(grant.job_id, "done");
    expect((await worker.authorise(stream_key)).ok).toBe(true);
  });
});

describe("letting publishers in", () => {
  let worker: TestMediaWorker;
  beforeAll(async () => {
    worker = await TestMediaWorker.enrol();
    await worker.connect();
  });

  test("the key opens its stream; the job is born running", async () => {
    const { stream_key, id } = await newStream(owner.token);
    const reply = await worker.authorise(stream_key);
    if (!reply.ok) throw new Error(reply.message);
    expect(reply.grant).toMatchObject({ attempt: 1, stream_id: id, first_msn: 0, discontinuity_sequence: 0 });
    expect(reply.grant.policy).toMatchObject({ second_publisher: "takeover" });
    expect(reply.grant.epoch).toMatch(/^[a-z0-9]{6,20}$/);
    expect(await job(reply.grant.job_id)).toMatchObject({
      kind: "ingest",
      state: "running",
      order: "run",
      lease_token: reply.grant.lease,
      worker_id: worker.id,
      stream_id: id,
      session: reply.grant.session,
    });
    expect(JSON.stringify(await job(reply.grant.job_id))).not.toContain(stream_key);
    expect((await shown(id))?.is_live).toBe(0);
    worker.event(reply.grant, 0, READY);
    await isLive(id, 1);
    expect((await shown(id))?.started_at).toBeGreaterThan(Date.now() - 10_000);
  });

  test("the grant says whether the session is recorded", async () => {
    const recorded = await newStream(owner.token);
    const unrecorded = await newStream(owner.token, { record: false });
    expect(await worker.authorise(recorded.stream_key)).toMatchObject({ grant: { policy: { record: true } } });
    expect(await worker.authorise(unrecorded.stream_key)).toMatchObject({ grant: { policy: { record: false } } });
    await call("PUT", `/api/streams/${unrecorded.id}`, { token: owner.token, body: { record: true } });
    expect(await worker.authorise(unrecorded.stream_key)).toMatchObject({ grant: { policy: { record: true } } });
  });

  test("unknown, mistyped, public and old keys do not", async () => {
    const { stream_key, public_key, id } = await newStream(owner.token);
    const mistyped = `${stream_key.slice(0, -1)}${stream_key.endsWith("A") ? "B" : "A"}`;
    for (const key of ["", "live_", "x".repeat(512), public_key, mistyped, newKey("live_")]) {
      expect(await worker.authorise(key)).toMatchObject({ ok: false, reason: "unknown_key" });
    }
    await call("POST", `/api/streams/${id}/regenerate-key`, { token: owner.token });
    expect(await worker.authorise(stream_key)).toMatchObject({ ok: false, reason: "unknown_key" });
  });

  test("plain RTMP takes keys from this machine only", async () => {
    const { stream_key } = await newStream(owner.token);
    for (const ip of ["203.0.113.7", "::ffff:192.168.1.5", "fe80::1", "", "localhost", "127.0.0.1.example.com"]) {
      expect(await worker.authorise(stream_key, ip)).toMatchObject({ ok: false, reason: "not_allowed" });
    }
    for (const ip of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      expect(await worker.authorise(stream_key, ip)).toMatchObject({ ok: true });
    }
  });

  test("a second publisher on another worker takes over, and the first one is stopped", async () => {
    const { stream_key, id } = await newStream(owner.token);
    const first = await worker.publish(stream_key);
    const other = await TestMediaWorker.enrol();
    await other.connect();
    const second = await other.publish(stream_key);
    expect(second.session).toBe(first.session);
    expect(second.epoch).not.toBe(first.epoch);
    const stop = await worker.link.next("stop", (frame) => frame.job_id === first.job_id);
    expect(stop).toMatchObject({ lease: first.lease, reason: "taken_over" });
    await inState(first.job_id, "stopping");
    worker.event(first, 1, ended("stopped"));
    await inState(first.job_id, "done");
    await until(
      () => liveObject(id).playback(),
      (route) => expect(route.worker?.id).toBe(other.id),
    );
    expect(await outbox(id)).toEqual(["live"]);
  });

  test("a stream may refuse the second", async () => {
    const { stream_key, id } = await newStream(owner.token);
    await db.update(streams).set({ second_publisher: "refuse" }).where(eq(streams.id, id));
    await worker.publish(stream_key);
    expect(await worker.authorise(stream_key)).toMatchObject({ ok: false, reason: "busy" });
  });

  test("deleting the stream or changing its key ends the session", async () => {
    const one = await newStream(owner.token);
    const two = await newStream(owner.token);
    const first = await worker.publish(one.stream_key);
    const second = await worker.publish(two.stream_key);
    await isLive(two.id, 1);
    await call("DELETE", `/api/streams/${one.id}`, { token: owner.token });
    await call("POST", `/api/streams/${two.id}/regenerate-key`, { token: owner.token });
    for (const grant of [first, second]) {
      const stop = await worker.link.next("stop", (frame) => frame.job_id === grant.job_id);
      expect(stop).toMatchObject({ lease: grant.lease, reason: "stopped" });
      expect(await job(grant.job_id)).toMatchObject({ state: "stopping", order: "stop" });
    }
    await isLive(two.id, 0);
    expect(await outbox(two.id)).toEqual(["live", "offline"]);
  });
});

describe("path tokens that were revoked", () => {
  test("are named to the worker: at once, when it links again, and when the stream is published anew", async () => {
    const worker = await TestMediaWorker.enrol();
    await worker.connect();
    const { stream_key, id } = await newStream(owner.token);
    const grant = await worker.publish(stream_key);
    await isLive(id, 1);
    await call("PUT", `/api/streams/${id}`, { token: owner.token, body: { is_public: false } });
    expect(await worker.link.next("revoke")).toMatchObject({ stream_id: id, generation: 1 });
    await worker.connect([runningJob(grant)]);
    expect(await worker.link.next("revoke")).toMatchObject({ stream_id: id, generation: 1 });
    const other = await TestMediaWorker.enrol();
    await other.connect();
    await other.publish(stream_key);
    expect(await other.link.next("revoke")).toMatchObject({ stream_id: id, generation: 1 });
  });

  test("an older revocation that comes late takes nothing back", async () => {
    const worker = await TestMediaWorker.enrol();
    await worker.connect();
    const node = bindings.MEDIA_NODE.getByName(worker.id);
    await node.revoke(7, 3);
    await node.revoke(7, 2);
    await worker.connect();
    expect(await worker.link.next("revoke")).toMatchObject({ stream_id: 7, generation: 3 });
  });
});

describe("reports", () => {
  let worker: TestMediaWorker;
  let grant: PublishGrant;
  let stream: { id: number; stream_key: string };
  beforeEach(async () => {
    worker = await TestMediaWorker.enrol();
    await worker.connect();
    stream = await newStream(owner.token);
    grant = await worker.publish(stream.stream_key);
    await isLive(stream.id, 1);
  });

  test("count once, however often and by whatever way they come", async () => {
    const last = report(grant, 1, ended(), 5);
    worker.event(grant, 1, last.body, 5);
    for (let i = 0; i < 3; i++) expect((await worker.post([last, last])).status).toBe(200);
    await inState(grant.job_id, "done");
    expect(await job(grant.job_id)).toMatchObject({ last_error: "finished", blame: null });
    const keys = await db.select().from(job_reports);
    expect(keys.filter((row) => row.key === `${grant.job_id}:1:1`)).toHaveLength(1);
    await endGrace(stream.id);
    await isLive(stream.id, 0);
    expect(await outbox(stream.id)).toEqual(["live", "offline"]);
  });

  test("a session that ended while the link was away is known by its spooled report", async () => {
    worker.link.close();
    expect((await worker.post([report(grant, 1, ended("disconnected"), 9)])).status).toBe(200);
    expect(await job(grant.job_id)).toMatchObject({ state: "done" });
    await worker.connect();
    const next = await worker.authorise(stream.stream_key);
    expect(next).toMatchObject({ ok: true, grant: { session: grant.session, first_msn: 9 } });
  });

  test("blame fails the job", async () => {
    const body = { event: "ended", reason: "worker_stopped", blame: "internal", ended_at: 0 } as const;
    expect((await worker.post([report(grant, 1, body)])).status).toBe(200);
    expect(await job(grant.job_id)).toMatchObject({ state: "failed", blame: "internal", last_error: "worker_stopped" });
  });

  test("of a stale lease change nothing, and its process is stopped", async () => {
    const stale = { ...grant, lease: "another" };
    worker.event(stale, 7, { event: "warning", message: "stale" });
    expect(await worker.link.next("stop")).toMatchObject({ job_id: grant.job_id, lease: "another" });
    expect((await worker.post([report(stale, 8, ended())])).status).toBe(200);
    expect(await job(grant.job_id)).toMatchObject({ state: "running" });
    const route = await liveObject(stream.id).playback();
    expect(route).toMatchObject({ state: "live", warnings: [] });
    worker.event({ ...grant, attempt: 2 }, 9, { event: "warning", message: "other attempt" });
    await worker.link.next("stop");
  });

  test("come again after the object was evicted in mid-session, and count once", async () => {
    worker.event(grant, 1, { event: "warning", message: "MP3 audio is dropped" });
    await until(
      () => liveObject(stream.id).playback(),
      (route) => expect(route.warnings).toHaveLength(1),
    );
    await evictDurableObject(nodeObject(worker.id));
    worker.event(grant, 1, { event: "warning", message: "again" });
    worker.event(grant, 2, { event: "warning", message: "new" });
    await until(
      () => liveObject(stream.id).playback(),
      (route) => expect(route.warnings).toEqual(["MP3 audio is dropped", "new"]),
    );
  });

  test("are refused when malformed", async () => {
    expect((await worker.post([{ job_id: "x" }])).status).toBe(400);
    expect((await worker.post(Array.from({ length: 101 }, () => report(grant, 1, ended())))).status).toBe(400);
    expect((await call("POST", "/internal/media/reports", { body: { reports: [] } })).status).toBe(401);
  });
});

describe("a silent worker", () => {
  let worker: TestMediaWorker;
  let grant: PublishGrant;
  let stream: { id: number; stream_key: string };
  beforeEach(async () => {
    worker = await TestMediaWorker.enrol();
    await worker.connect();
    stream = await newStream(owner.token);
    grant = await worker.publish(stream.stream_key);
    await isLive(stream.id, 1);
  });

  const alarm = () => runDurableObjectAlarm(nodeObject(worker.id));

  test("keeps its jobs as long as it is heard", async () => {
    await ageLink(worker, 14_000);
    worker.heartbeat([progress(grant, 30)]);
    await until(
      () =>
        runInDurableObject(liveObject(stream.id), (_, state) =>
          String(state.storage.sql.exec("SELECT value FROM record").one().value),
        ),
      (record) => expect(JSON.parse(record).position.progress.next_msn).toBe(30),
    );
    await ageLink(worker, 2_000);
    expect(await alarm()).toBe(true);
    expect(await job(grant.job_id)).toMatchObject({ state: "running" });
  });

  test("loses them when its heartbeat stays away", async () => {
    await ageLink(worker, 15_000);
    await alarm();
    expect(await worker.link.closed).toMatchObject({ code: 1011 });
    expect(await job(grant.job_id)).toMatchObject({ state: "lost" });
    expect(await liveObject(stream.id).playback()).toMatchObject({ state: "grace" });
    await endGrace(stream.id);
    await isLive(stream.id, 0);
    expect(await nodeObject(worker.id).online()).toBe(false);
  });

  test("loses them three seconds after its socket closed", async () => {
    worker.link.close();
    await until(
      () => nodeObject(worker.id).online(),
      (online) => expect(online).toBe(false),
    );
    expect(await job(grant.job_id)).toMatchObject({ state: "running" });
    await ageLink(worker, 3_000);
    await alarm();
    expect(await job(grant.job_id)).toMatchObject({ state: "lost" });
  });

  test("has them back when it comes back with them, announced once inside the grace", async () => {
    await ageLink(worker, 15_000);
    await alarm();
    const welcome = await worker.connect([runningJob(grant, 12)]);
    expect(welcome.desired).toMatchObject([
      { job_id: grant.job_id, lease: grant.lease, grant: { session: grant.session } },
    ]);
    expect(await job(grant.job_id)).toMatchObject({ state: "running" });
    expect(await liveObject(stream.id).playback()).toMatchObject({ state: "live" });
    expect(await outbox(stream.id)).toEqual(["live"]);
  });

  test("comes back live under its old session after it was declared offline", async () => {
    await ageLink(worker, 15_000);
    await alarm();
    await endGrace(stream.id);
    await isLive(stream.id, 0);
    const { started_at } = (await shown(stream.id)) ?? {};
    await worker.connect([runningJob(grant, 900)]);
    await isLive(stream.id, 1);
    expect(await outbox(stream.id)).toEqual(["live", "offline", "live:2"]);
    expect(await shown(stream.id)).toMatchObject({ started_at, ended_at: null });
  });

  test("that restarted without them loses them at its hello", async () => {
    await worker.connect([]);
    expect(await job(grant.job_id)).toMatchObject({ state: "failed", blame: "internal", last_error: "lost" });
    expect(await liveObject(stream.id).playback()).toMatchObject({ state: "grace" });
    const again = await worker.authorise(stream.stream_key);
    expect(again).toMatchObject({ ok: true, grant: { session: grant.session } });
  });

  test("is not wanted with what somebody else has taken over meanwhile", async () => {
    const other = await TestMediaWorker.enrol();
    await other.connect();
    await ageLink(worker, 15_000);
    await alarm();
    const second = await other.publish(stream.stream_key);
    const welcome = await worker.connect([runningJob(grant, 40)]);
    expect(welcome.desired).toEqual([]);
    expect(await job(grant.job_id)).toMatchObject({ state: "failed" });
    expect(await job(second.job_id)).toMatchObject({ state: "running" });
  });

  test("forgets what was lost a day ago", async () => {
    await ageLink(worker, 15_000);
    await alarm();
    await runInDurableObject(nodeObject(worker.id), (_, state) => {
      state.storage.sql.exec("UPDATE leases SET lost_at = lost_at - 86400000");
    });
    await alarm();
    expect(await job(grant.job_id)).toMatchObject({ state: "failed" });
    expect((await worker.connect([runningJob(grant)])).desired).toEqual([]);
  });

  test("is noticed by the cron when its object's alarm was lost", async () => {
    await db.update(jobs).set({ updated_at: 1 }).where(eq(jobs.id, grant.job_id));
    expect(await sweepJobs(system())).toBe(0);
    await ageLink(worker, 15_000);
    expect(await sweepJobs(system())).toBe(1);
    expect(await job(grant.job_id)).toMatchObject({ state: "lost" });
    await db.update(jobs).set({ updated_at: 1 }).where(eq(jobs.id, grant.job_id));
    await sweepJobs(system());
    expect(await job(grant.job_id)).toMatchObject({ state: "failed" });
  });
});

describe("a session let in while the control plane was away", () => {
  const offline = async (grant: PublishGrant, key: string) => ({
    ...runningJob({ ...grant, job_id: `job_${crypto.randomUUID()}`, lease: crypto.randomUUID(), epoch: "tlocal" }, 50),
    offline: true,
    key_hash: await hashKey(key),
  });

  test("gets its job and goes on", async () => {
    const worker = await TestMediaWorker.enrol();
    await worker.connect();
    const { id, stream_key } = await newStream(owner.token);
    const first = await worker.publish(stream_key);
    const carried = { ...(await offline(first, stream_key)), record: true };
    const welcome = await worker.connect([carried]);
    expect(welcome.desired).toMatchObject([
      { job_id: carried.job_id, lease: carried.lease, grant: { policy: { record: true } } },
    ]);
    expect(await job(carried.job_id)).toMatchObject({ state: "running", worker_id: worker.id, stream_id: id });
    expect(await job(first.job_id)).toMatchObject({ state: "failed" });
    expect(await liveObject(id).playback()).toMatchObject({ state: "live", epoch: "tlocal" });
    expect(await outbox(id)).toEqual(["live"]);
  });

  test("ends when its key was changed meanwhile", async () => {
    const worker = await TestMediaWorker.enrol();
    await worker.connect();
    const { id, stream_key } = await newStream(owner.token);
    const first = await worker.publish(stream_key);
    worker.event(first, 1, ended());
    await inState(first.job_id, "done");
    await call("POST", `/api/streams/${id}/regenerate-key`, { token: owner.token });
    const carried = await offline(first, stream_key);
    expect((await worker.connect([carried])).desired).toEqual([]);
    expect(await job(carried.job_id)).toBeUndefined();
  });
});
