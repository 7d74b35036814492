/** `npm start` as its user sees it: what it prints, what it refuses, and what it leaves behind. Linux only (/proc). */
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { push } from "../harness/push.ts";
import { S3Stub } from "../harness/s3-stub.ts";
import { type Launch, launchSluice, localS3Of, type StartOptions } from "../harness/sluice.ts";

let data: string;
const launches: Launch[] = [];
beforeEach(() => {
  data = mkdtempSync(path.join(tmpdir(), "sluice-start-"));
});
afterEach(async () => {
  for (const each of launches.splice(0)) {
    for (const pid of each.pids().all) process.kill(pid, "SIGKILL");
    await each.exited;
  }
  rmSync(data, { recursive: true, force: true });
});

const launch = (options: StartOptions = {}) => {
  const started = launchSluice({ data, ...options });
  launches.push(started);
  return started;
};

/** Polls until `probe` gives something, and resolves to it. */
async function until<T>(what: string, milliseconds: number, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const nothingLeft = (started: Launch) => until("nothing is left", 5000, () => started.pids().all.length === 0);
const answers = (url: string) =>
  fetch(`${url}/livez`).then(
    (response) => response.ok,
    () => false,
  );

async function busyPort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, close: () => server.close() };
}

describe("the first start and the next", () => {
  test("the password is told once, the keys stay, and each line is a JSON object", async () => {
    const first = launch();
    const told = await first.ready;
    expect(told.admin_password).toMatch(/^\S{12,}$/);
    expect(told.admin_username).toBe("admin");
    expect(told.pid).toBe(first.process.pid);
    for (const line of first.logs().trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("event");
    const token = await fetch(`${told.url}/api/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: told.admin_username, password: told.admin_password }),
    });
    expect(token.status).toBe(200);
    await first.stop();

    const again = await launch().ready;
    expect(again).not.toHaveProperty("admin_password");
    expect(again).toMatchObject({
      stream_key: told.stream_key,
      stream_id: told.stream_id,
      public_key: told.public_key,
    });
    expect(statSync(path.join(data, "secret")).mode & 0o777).toBe(0o600);
  });

  test("a deleted demo stream is not made again", async () => {
    const first = launch({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
    const told = await first.ready;
    expect(told).not.toHaveProperty("admin_password");
    const call = (method: string, path: string, init: RequestInit = {}) => fetch(told.url + path, { method, ...init });
    const token = await call("POST", "/api/token", {
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: "correct horse battery" }),
    });
    const { token: bearer } = (await token.json()) as { token: string };
    const headers = { authorization: `Bearer ${bearer}` };
    expect((await call("DELETE", `/api/streams/${told.stream_id}`, { headers })).ok).toBe(true);
    await first.stop();
    expect(await launch().ready).toMatchObject({ stream_key: null, stream_id: null, public_key: null });
  });

  test("a data folder whose database was thrown away starts from nothing, with the media worker it has", async () => {
    const first = launch();
    const told = await first.ready;
    await first.stop();
    rmSync(path.join(data, "edge"), { recursive: true });
    const again = await launch().ready;
    expect(again.admin_password).toMatch(/^\S{12,}$/);
    expect(again.stream_key).not.toBe(told.stream_key);
  });

  test("people get lines to read, with the command to paste", async () => {
    const started = launch({ command: [process.execPath, path.resolve("scripts/start.mjs")] });
    await until("the banner", 60_000, () => started.logs().includes("Ctrl-C stops everything."));
    expect(started.logs()).toMatch(/Open {9}http:\/\/127\.0\.0\.1:\d+\n/);
    expect(started.logs()).toMatch(/Sign in as {3}admin, password \S+ \(shown this once: note it\)\n/);
    expect(started.logs()).toMatch(/ffmpeg -re .* -f flv rtmp:\/\/127\.0\.0\.1:\d+\/live\/live_\S+\n/);
    expect(started.logs()).toMatch(/Watch {8}http:\/\/127\.0\.0\.1:\d+\/watch\/\d+\n/);
    expect(started.logs()).not.toMatch(/^\{/m);
  });
});

describe("the S3 that comes with it", () => {
  const open = () => {
    const s3 = localS3Of(data);
    const client = new AwsClient({ ...s3, service: "s3", retries: 0 });
    return { s3, fetch: (key: string, init?: RequestInit) => client.fetch(`${s3.endpoint}/${s3.bucket}/${key}`, init) };
  };

  test("keeps objects over starts, for those who know its keys, which nobody is told", async () => {
    const first = launch();
    await first.ready;
    const { s3, ...bucket } = open();
    expect(statSync(path.join(data, "s3.env")).mode & 0o777).toBe(0o600);
    expect((await bucket.fetch("vods/a.mp4", { method: "PUT", body: "0123456789" })).status).toBe(200);
    const forged = new AwsClient({ ...s3, secretAccessKey: "guess", service: "s3", retries: 0 });
    expect((await forged.fetch(`${s3.endpoint}/${s3.bucket}/vods/a.mp4`)).status).toBe(403);
    expect(new URL(s3.endpoint).hostname).toBe("127.0.0.1");
    await first.stop();
    expect(first.logs()).not.toContain(s3.secretAccessKey);
    expect(existsSync(path.join(data, "s3.env"))).toBe(false);

    await launch().ready;
    const answer = await open().fetch("vods/a.mp4", { headers: { range: "bytes=2-4" } });
    expect([answer.status, await answer.text()]).toEqual([206, "234"]);
  });

  test("is where it was when workerd was killed", async () => {
    const started = launch();
    await started.ready;
    const bucket = open();
    await bucket.fetch("a", { method: "PUT", body: "kept" });
    for (const pid of started.pids().workerd) process.kill(pid, "SIGKILL");
    const text = () =>
      bucket.fetch("a").then(
        (answer) => answer.text(),
        () => "",
      );
    await until("the object is back", 15_000, async () => (await text()) === "kept");
  });
});

test("recordings go to an S3 of one's own, and are played from there by address when browsers can reach it", async () => {
  const s3 = new S3Stub({ bucket: "recordings" });
  await s3.start();
  onTestFinished(() => s3.close());
  const started = launch({
    env: {
      S3_ENDPOINT: s3.endpoint,
      S3_PUBLIC_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    },
  });
  const told = await started.ready;
  expect(existsSync(path.join(data, "s3.env"))).toBe(false);
  const publisher = push(`${told.rtmp}/${told.stream_key}`, { seconds: 5 });
  expect(await publisher.exited, publisher.errors()).toBe(0);

  const vod = await until("a recording", 60_000, async () => {
    const { vods } = (await (await fetch(`${told.url}/api/vod?stream=${told.public_key}`)).json()) as {
      vods: { public_id: string; status: string }[];
    };
    return vods.find(({ status }) => status === "ready");
  });
  expect([...s3.objects.keys()].filter((key) => key.endsWith(".mp4"))).toHaveLength(1);
  const part = `${told.url}/api/vod/${vod.public_id}/parts/1.mp4`;
  const sentOn = await fetch(part, { redirect: "manual" });
  expect(sentOn.status).toBe(302);
  expect(new URL(sentOn.headers.get("location") ?? "").origin).toBe(s3.endpoint);
  const range = await fetch(part, { headers: { range: "bytes=4-7" } });
  expect([range.status, await range.text()]).toEqual([206, "ftyp"]);
  expect(started.logs()).not.toContain(s3.credentials.secretAccessKey);
});

describe("what is refused", () => {
  const refused = async (env: Record<string, string>, message: RegExp) => {
    const started = launch({ env });
    expect(await started.exited).toMatchObject({ code: 1 });
    const last = JSON.parse(started.logs().trimEnd().split("\n").at(-1) ?? "");
    expect(last).toMatchObject({ event: "error", message: expect.stringMatching(message) });
    expect(started.pids().all).toEqual([]);
  };

  test("a wrong setting is named", async () => {
    await refused({ SLUICE_PORT: "eighty" }, /^SLUICE_PORT must be a port number/);
    await refused({ SLUICE_SECRET: "short" }, /^SLUICE_SECRET must have at least 32 bytes$/);
    await refused({ S3_ENDPOINT: "https://s3.example.com" }, /^S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY must/);
  });

  test("a busy port is named with its setting", async () => {
    const busy = await busyPort();
    await refused({ SLUICE_PORT: String(busy.port) }, new RegExp(`^Port ${busy.port} is in use: set SLUICE_PORT`));
    await refused(
      { SLUICE_RTMP_PORT: String(busy.port) },
      new RegExp(`^Port ${busy.port} is in use: set SLUICE_RTMP_PORT`),
    );
    busy.close();
  });

  test("a second Sluice on the same data", async () => {
    await launch().ready;
    await refused({}, /^Another Sluice \(process \d+\) uses /);
  });
});

describe("the end", () => {
  const npm = ["npm", "start", "--silent", "--", "--json"];

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends everything", async (signal) => {
    const started = launch();
    await started.ready;
    expect(started.pids().workerd).toHaveLength(1);
    expect(started.pids().media.length).toBeGreaterThan(0);
    started.kill(signal);
    expect(await started.exited).toEqual({ code: 0, signal: null });
    expect(started.pids().all).toEqual([]);
  });

  test("SIGTERM of npm ends everything", async () => {
    const started = launch({ command: npm, env: { SLUICE_EXIT_WITH_PARENT: "" } });
    await started.ready;
    started.kill("SIGTERM");
    await started.exited;
    await nothingLeft(started);
  });

  test("SIGKILL of npm leaves nothing", async () => {
    const started = launch({ command: npm, env: { SLUICE_EXIT_WITH_PARENT: "" } });
    await started.ready;
    started.kill("SIGKILL");
    await nothingLeft(started);
  });

  test("SIGKILL of the launcher leaves nothing", async () => {
    const started = launch();
    await started.ready;
    started.kill("SIGKILL");
    await nothingLeft(started);
    // Nothing of it is in the way of the next one either.
    await launch().ready;
  });

  test("SIGTERM before it is ready leaves nothing", async () => {
    const started = launch();
    await until("workerd", 60_000, () => started.pids().workerd.length > 0);
    started.kill("SIGTERM");
    await started.exited;
    await nothingLeft(started);
  });
});

describe("processes that die", () => {
  test("a killed workerd is back within 2 s, on the same port and with its data", async () => {
    const started = launch();
    const { url } = await started.ready;
    expect(await answers(url)).toBe(true);
    for (const pid of started.pids().workerd) process.kill(pid, "SIGKILL");
    await until("it is down", 1000, async () => !(await answers(url)));
    await until("workerd is back", 2000, () => answers(url));
    expect(started.pids().workerd).toHaveLength(1);
    await until("the log says so", 2000, () => started.logs().includes("workerd died and is back"));
  });

  test("a killed media worker is back within 2 s, on the same port", async () => {
    const started = launch();
    const { rtmp } = await started.ready;
    const { hostname, port } = new URL(rtmp.replace("rtmp:", "http:"));
    const accepts = async () => {
      const { connect } = await import("node:net");
      const socket = connect(Number(port), hostname);
      try {
        await once(socket, "connect");
        return true;
      } catch {
        return false; // refused: it is down
      } finally {
        socket.destroy();
      }
    };
    expect(await accepts()).toBe(true);
    for (const pid of started.pids().media) process.kill(pid, "SIGKILL");
    await until("it is down", 1000, async () => !(await accepts()));
    await until("the media worker is back", 2000, accepts);
  });
});
