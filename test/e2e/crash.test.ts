/** What a publisher and a viewer notice when a process is killed under them. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Push, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

let sluice: Sluice;
const pushes: Push[] = [];

beforeAll(async () => {
  sluice = await startSluice();
});
afterAll(async () => {
  for (const each of pushes) await each.kill();
  await sluice?.stop();
});

type Info = { is_live: number; started_at: string | null };
const json = async <T>(path: string): Promise<T> => (await fetch(sluice.url + path)).json() as Promise<T>;
const info = () => json<Info>(`/api/stream/${sluice.publicKey}/info`).catch(() => ({ is_live: -1, started_at: null }));
const start = () => {
  const publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { video: { gopSeconds: 1 } });
  pushes.push(publisher);
  return publisher;
};

/** The media playlist as a viewer gets it now; null when there is none. */
async function playlist(): Promise<{ text: string; nextMsn: number; discontinuities: number } | null> {
  try {
    const master = `${sluice.url}/api/stream/${sluice.publicKey}/hls/index.m3u8`;
    const top = await fetch(master, { signal: AbortSignal.timeout(3000) });
    const rendition = /^[^#\s].*$/m.exec(top.ok ? await top.text() : "")?.[0];
    if (rendition === undefined) return null;
    const reply = await fetch(new URL(rendition, master), { signal: AbortSignal.timeout(3000) });
    if (!reply.ok) return null;
    const text = await reply.text();
    const number = (tag: string) => Number(new RegExp(`#EXT-X-${tag}:(\\d+)`).exec(text)?.[1] ?? 0);
    return {
      text,
      nextMsn: number("MEDIA-SEQUENCE") + (text.match(/#EXTINF/g)?.length ?? 0),
      discontinuities: number("DISCONTINUITY-SEQUENCE") + (text.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0),
    };
  } catch {
    return null; // the control plane is away: exactly what these tests bring about
  }
}

async function until<T>(what: string, seconds: number, probe: () => Promise<T | null | undefined | false>): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > deadline)
      throw new Error(`${what} took more than ${seconds} s\n${sluice.logs().slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const live = () => until("going live", 15, async () => ((await info()).is_live === 1 ? info() : null));
const segments = (atLeast: number) =>
  until(`segment ${atLeast}`, 20, async () => {
    const list = await playlist();
    return list && list.nextMsn >= atLeast ? list : null;
  });
const only = (pids: number[]) => {
  const [pid] = pids;
  if (pid === undefined) throw new Error("no such process");
  return pid;
};

beforeEach(async () => {
  for (const each of pushes.splice(0)) await each.kill();
  await until("going offline", 30, async () => (await info()).is_live === 0);
});

test("kill -9 of the media worker: ingest is back within 5 s and the encoder's reconnect goes on with the session", async () => {
  const first = start();
  const before = await live();
  const seen = await segments(5);
  const killed = performance.now();
  for (const pid of sluice.pids().media) process.kill(pid, "SIGKILL");
  await first.exited;

  const second = await until("a publisher being let in", 5, async () => {
    const attempt = start();
    const ended = await Promise.race([attempt.exited, new Promise<"up">((r) => setTimeout(() => r("up"), 1500))]);
    return ended === "up" ? attempt : null;
  });
  expect(performance.now() - killed).toBeLessThan(8000);
  const after = await until("the playlist going on", 15, async () => {
    const list = await playlist();
    return list && list.nextMsn > seen.nextMsn ? list : null;
  });
  expect(after.discontinuities).toBeGreaterThan(0);
  expect((await live()).started_at).toBe(before.started_at);
  expect(second.process.exitCode).toBeNull();
});

test("kill -9 of workerd: the push never notices and viewers go on within 5 s", async () => {
  const publisher = start();
  const before = await live();
  const seen = await segments(4);
  process.kill(only(sluice.pids().workerd), "SIGKILL");
  const back = await until("playback", 5, async () => {
    const list = await playlist();
    return list && list.nextMsn >= seen.nextMsn ? list : null;
  });
  const later = await segments(back.nextMsn + 4);
  expect(later.discontinuities).toBe(seen.discontinuities);
  expect(publisher.process.exitCode).toBeNull();
  expect(publisher.errors()).toBe("");
  const now = await live();
  expect(now.started_at).toBe(before.started_at);
});

test("control plane frozen: a known publisher reconnects, and is live when it thaws", async () => {
  const first = start();
  await live();
  const seen = await segments(4);
  const workerd = only(sluice.pids().workerd);
  process.kill(workerd, "SIGSTOP");
  try {
    await first.stop();
    const second = start();
    const ended = await Promise.race([second.exited, new Promise<"up">((r) => setTimeout(() => r("up"), 9000))]);
    expect(ended, second.errors()).toBe("up");
  } finally {
    process.kill(workerd, "SIGCONT");
  }
  await live();
  const after = await until("the playlist going on", 10, async () => {
    const list = await playlist();
    return list && list.nextMsn > seen.nextMsn + 3 ? list : null;
  });
  expect(after.discontinuities).toBeGreaterThan(seen.discontinuities);
});
