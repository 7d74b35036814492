/** A media worker as the control plane sees one: enrols, signs tokens, speaks the link over a real WebSocket. */
import { exports } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import {
  type Capacity,
  type DownFrame,
  type JobReport,
  LINK_VERSION,
  type PublishGrant,
  type Role,
  type RunningJob,
  type StreamEvent,
  type StreamProgress,
  type TaskEvent,
  type UpFrame,
} from "../../schema/contract/media.ts";
import type { TaskRef } from "../../schema/contract/tasks.ts";
import { createEnrolmentToken } from "../../workers/media/create-enrolment-token.ts";
import { call, ORIGIN, type Reply, system } from "./client.ts";

const worker = exports as unknown as { default: Fetcher };

type Of<T extends DownFrame["type"]> = Extract<DownFrame, { type: T }>;

export type Claims = { sub?: string; aud?: string; iat?: number; exp?: number };

export class TestMediaWorker {
  readonly id: string;
  readonly playUrl: string;
  roles: Role[] = ["ingest", "play"];
  /** How many tasks it takes at once. */
  maxTasks = 0;
  readonly #key: CryptoKey;
  #link: Link | undefined;

  private constructor(id: string, key: CryptoKey, playUrl: string) {
    this.id = id;
    this.#key = key;
    this.playUrl = playUrl;
  }

  /** `behaviour`: how its play server behaves, see `play-server-stub.ts`. */
  static async enrol(behaviour = "play"): Promise<TestMediaWorker> {
    const { privateKey, publicKey } = await newKeys();
    const { body } = await enrol(await createEnrolmentToken(system()), publicKey);
    return new TestMediaWorker(body.worker_id, privateKey, `http://${body.worker_id}.${behaviour}.test`);
  }

  get link(): Link {
    if (!this.#link) throw new Error("not linked");
    return this.#link;
  }

  token(claims: Claims = {}): Promise<string> {
    return signed(this.#key, { sub: this.id, ...claims });
  }

  async post(reports: unknown[]): Promise<Reply> {
    return call("POST", "/internal/media/reports", { token: await this.token(), body: { reports } });
  }

  /** Opens the link without saying anything. */
  async dial(): Promise<Link> {
    const headers = { upgrade: "websocket", authorization: `Bearer ${await this.token()}` };
    const response = await worker.default.fetch(new Request(`${ORIGIN}/internal/media/link`, { headers }));
    if (!response.webSocket) throw new Error(`no link: ${response.status}`);
    this.#link = new Link(response.webSocket);
    return this.#link;
  }

  hello(running: RunningJob[] = [], tasks: TaskRef[] = [], boot = "boot-1"): Extract<UpFrame, { type: "hello" }> {
    return {
      type: "hello",
      version: LINK_VERSION,
      boot,
      roles: this.roles,
      capacity: this.capacity(running.length),
      play_url: this.playUrl,
      rtmp_url: "rtmp://127.0.0.1:1935/live",
      running,
      tasks,
    };
  }

  capacity(publishers = 0): Capacity {
    return { publishers, max_publishers: 100, tasks: 0, max_tasks: this.maxTasks };
  }

  heartbeat(progress: StreamProgress[] = []): void {
    const capacity = this.capacity(progress.length);
    this.link.send({ type: "heartbeat", capacity, rss_bytes: 1, viewers: [], progress });
  }

  async connect(running: RunningJob[] = [], tasks: TaskRef[] = []): Promise<Of<"welcome">> {
    const link = await this.dial();
    link.send(this.hello(running, tasks));
    return link.next("welcome");
  }

  async authorise(key: string, ip = "127.0.0.1"): Promise<Of<"authorised">["reply"]> {
    const rid = crypto.randomUUID();
    this.link.send({ type: "authorise", rid, request: { protocol: "rtmp", app: "live", key, ip } });
    return (await this.link.next("authorised", (frame) => frame.rid === rid)).reply;
  }

  /** Let in and live. */
  async publish(key: string): Promise<PublishGrant> {
    const reply = await this.authorise(key);
    if (!reply.ok) throw new Error(`not let in: ${reply.reason}`);
    this.event(reply.grant, 0, READY);
    return reply.grant;
  }

  /** The next task that it is told to do. */
  async assigned(): Promise<Of<"assign">> {
    return this.link.next("assign");
  }

  task(task: TaskRef, body: TaskEvent): void {
    this.link.send({ type: "task_event", task, body });
  }

  event(grant: PublishGrant, seq: number, body: StreamEvent, segments = 1): void {
    this.link.send({ type: "job_event", report: report(grant, seq, body, segments) });
  }
}

/** A link socket; frames are kept until somebody asks for them. */
export class Link {
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #frames: DownFrame[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      this.#frames.push(JSON.parse(String(data)));
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
  }

  send(frame: UpFrame | string): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  close(): void {
    this.#socket.close(1000);
  }

  async next<T extends DownFrame["type"]>(type: T, accept: (frame: Of<T>) => boolean = () => true): Promise<Of<T>> {
    const deadline = Date.now() + 5_000;
    for (;;) {
      const at = this.#frames.findIndex((frame) => frame.type === type && accept(frame as Of<T>));
      if (at >= 0) return this.#frames.splice(at, 1)[0] as Of<T>;
      if (Date.now() > deadline) throw new Error(`no ${type} frame; there were ${JSON.stringify(this.#frames)}`);
      await Promise.race([this.#wake.promise, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    }
  }
}

export const READY: StreamEvent = { event: "ready", tracks: [], target_duration_s: 2 };
export const ended = (reason: "finished" | "disconnected" | "stopped" = "finished"): StreamEvent => ({
  event: "ended",
  reason,
  blame: null,
  ended_at: Date.now(),
});

export function progress(grant: PublishGrant, segments = 1): StreamProgress {
  const { stream_id, session, epoch, first_msn, discontinuity_sequence } = grant;
  const next_msn = first_msn + segments;
  return { stream_id, session, epoch, next_msn, discontinuity_sequence, target_duration_s: 2, bytes_in: 1000 };
}

export function report(grant: PublishGrant, seq: number, body: StreamEvent, segments = 1): JobReport {
  const { job_id, attempt, lease } = grant;
  return { job_id, attempt, lease, seq, progress: progress(grant, segments), body };
}

export function runningJob(grant: PublishGrant, segments = 1): RunningJob {
  const { job_id, attempt, lease } = grant;
  const common = { kind: "ingest", ready: true, started_at: Date.now(), tracks: [], warnings: [] } as const;
  return { job_id, attempt, lease, ...common, tracks: [], warnings: [], progress: progress(grant, segments) };
}

export async function newKeys(): Promise<{ privateKey: CryptoKey; publicKey: string }> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  return { privateKey, publicKey: (await exportJWK(publicKey)).x ?? "" };
}

export const enrol = (token: string, public_key: string, name = "test"): Promise<Reply> =>
  call("POST", "/internal/media/enrol", { body: { token, name, public_key } });

export function signed(key: CryptoKey, { sub, aud = "sluice-media", iat, exp }: Claims): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT()
    .setProtectedHeader({ alg: "EdDSA" })
    .setAudience(aud)
    .setIssuedAt(iat ?? now)
    .setExpirationTime(exp ?? (iat ?? now) + 60);
  if (sub !== undefined) token.setSubject(sub);
  return token.sign(key);
}
