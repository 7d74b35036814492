/** Going on and off air, as people see it in their activity. */
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { type Activity, ActivityAction, ActivityList } from "../../schema/contract/audit.ts";
import { audit_log } from "../../schema/tables/admin.ts";
import { streams } from "../../schema/tables/streams.ts";
import { projectLiveState } from "../../workers/streams/live-projection.ts";
import { eventually } from "../harness/eventually.ts";
import { call, db, logged, newStream, newUser, system } from "./client.ts";
import { TestMediaWorker } from "./media-worker.ts";
import { endBroadcast, onAir } from "./recording-scene.ts";

type User = Awaited<ReturnType<typeof newUser>>;

beforeEach(() => {
  logged("warn");
});

async function activity({ token }: Pick<User, "token">): Promise<Activity[]> {
  const { body } = await call("GET", "/api/activity?limit=50", { token });
  expect(ActivityList.parse(body)).toEqual(body);
  return body.activities;
}

const ofStreams = async (user: Pick<User, "token">) =>
  (await activity(user)).filter(({ action }) => action.startsWith("stream_")).reverse();
const actions = async (user: Pick<User, "token">) => (await ofStreams(user)).map(({ action }) => action);

test("its actions are those that happen here", () => {
  expect(ActivityAction.options).toEqual(["login", "register", "stream_started", "stream_offline"]);
});

test("whoever publishes went live, and went offline when it is over; others do not see it, but for admins", async () => {
  const [owner, other, moderator, admin] = [
    await newUser(),
    await newUser(),
    await newUser("moderator"),
    await newUser("admin"),
  ];
  const worker = await TestMediaWorker.enrol();
  await worker.connect();
  const scene = await onAir(owner, worker, { title: "Evening show" });
  await eventually(async () => expect(await actions(owner)).toEqual(["stream_started"]));
  await endBroadcast(scene, worker);
  await eventually(async () => expect(await actions(owner)).toEqual(["stream_started", "stream_offline"]));
  const mine = await ofStreams(owner);
  expect(mine).toMatchObject([
    { user_id: owner.id, username: owner.username, detail: "Went live: Evening show", ip_address: null },
    { user_id: owner.id, username: owner.username, detail: "Went offline: Evening show", ip_address: null },
  ]);
  for (const who of [other, moderator]) expect(await actions(who)).toEqual([]);
  expect(await ofStreams(admin)).toEqual(mine);
  const log = await call("GET", "/api/admin/audit-log", { token: admin.token });
  expect(log.text).not.toContain("stream_started");
});

describe("the projection of a live state", () => {
  async function newScene() {
    const owner = await newUser();
    const { id } = await newStream(owner.token);
    let version = 0;
    const project = (is_live: 0 | 1 | 2, over: { version?: number; viewer_count?: number } = {}) => {
      version = over.version ?? version + 1;
      return projectLiveState(system(), id, version, { is_live, viewer_count: over.viewer_count ?? 0 });
    };
    /** As if that had happened before. */
    const age = (minutes: number) =>
      db
        .update(audit_log)
        .set({ created_at: Date.now() - minutes * 60_000 })
        .where(eq(audit_log.target_id, String(id)));
    return { owner, id, project, age };
  }

  test("tells of changes only, and once: not of viewers, of what is repeated, or of what comes too late", async () => {
    const { owner, id, project } = await newScene();
    await project(0);
    expect(await actions(owner)).toEqual([]);
    await project(1);
    await project(1, { viewer_count: 5 });
    await project(1, { version: 3, viewer_count: 6 });
    await project(0, { version: 1 });
    expect(await actions(owner)).toEqual(["stream_started"]);
    expect(await db.select().from(streams).where(eq(streams.id, id)).get()).toMatchObject({
      is_live: 1,
      viewer_count: 6,
    });
    await project(2, { version: 4 });
    await project(0);
    expect(await actions(owner)).toEqual(["stream_started", "stream_offline"]);
  });

  test("the same again within five minutes is left out", async () => {
    const { owner, project, age } = await newScene();
    for (const state of [1, 0, 1, 0] as const) await project(state);
    expect(await actions(owner)).toEqual(["stream_started", "stream_offline"]);
    await age(6);
    for (const state of [1, 0] as const) await project(state);
    expect(await actions(owner)).toEqual(["stream_started", "stream_offline", "stream_started", "stream_offline"]);
  });

  test("one stream's is not another's, and a stream that is gone has none", async () => {
    const { owner, id, project } = await newScene();
    const { id: second } = await newStream(owner.token);
    await project(1);
    await projectLiveState(system(), second, 1, { is_live: 1 });
    expect(await actions(owner)).toEqual(["stream_started", "stream_started"]);
    await call("DELETE", `/api/streams/${id}`, { token: owner.token });
    expect(await project(0)).toBeNull();
    expect(await actions(owner)).toEqual(["stream_started", "stream_started"]);
  });
});
