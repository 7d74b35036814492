/**
 * A control plane of a few lines, for tests of a real media worker: it enrols, checks signatures, and keeps all that
 * it is told. It can go away and come back at the same address, or stop answering.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { importJWK, jwtVerify } from "jose";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type AuthoriseReply,
  type AuthoriseRequest,
  type DownFrame,
  type JobReport,
  type LinkKeys,
  type PublishGrant,
  type RunningJob,
  UpFrame,
} from "#contract/media";
import { linkKeys } from "#kit/link-keys";
import { newEpoch, newJobId, newLease, newSession } from "#kit/publish-ids";
import { type RecordingsDesk, Refused } from "./recordings-desk.ts";

const SECRET = "control-plane-of-the-tests-0123456789";
const PATIENCE_MS = 15_000;

type Hello = Extract<UpFrame, { type: "hello" }>;
type Heartbeat = Extract<UpFrame, { type: "heartbeat" }>;
type TaskEvent = Extract<UpFrame, { type: "task_event" }>;

export class ControlPlane {
  /** Taken by the first who asks. */
  enrolToken: string | null = "enrolment-token-of-the-tests";
  /** Public keys by worker id. */
  readonly workers = new Map<string, string>();
  readonly hellos: Hello[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly events: JobReport[] = [];
  readonly taskEvents: TaskEvent[] = [];
  /** Reports that came by HTTP. */
  readonly posted: JobReport[] = [];
  readonly asked: AuthoriseRequest[] = [];
  readonly grants: PublishGrant[] = [];
  /** In order, what happened: `hello`, `posted`. */
  readonly order: string[] = [];
  /** Status of the next replies to reports; 200 when empty. */
  readonly reportStatus: number[] = [];
  /** Which of the jobs in a hello may go on. */
  desired: (job: RunningJob) => boolean = () => true;
  /** Keys of the form `s<stream id>` open that stream. */
  decide: (request: AuthoriseRequest) => AuthoriseReply = (request) => this.#grant(request);
  /** Takes everything and answers nothing. */
  silent = false;
  /** Where recordings are handed in; without it, none are. */
  recordings: RecordingsDesk | null = null;
  #server: Server | null = null;
  #port = 0;
  #socket: WebSocket | null = null;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      if (this.silent) return;
      this.#worker(request).then(
        () => sockets.handleUpgrade(request, socket, head, (link) => this.#link(link)),
        () => socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
      );
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Gone: connections are reset, new ones refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    this.#socket?.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** What it shares with the media worker. */
  keys(): Promise<LinkKeys> {
    return linkKeys(SECRET, "mw_1", Date.now());
  }

  send(frame: DownFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** The `count`-th element of a list, waited for. */
  async nth<T>(list: readonly T[], count: number, what: string): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = list[count - 1];
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`no ${what} number ${count}; order: ${this.order.join(" ")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.silent) return;
    const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    const reply = (status: number, value: unknown = {}) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (request.url === "/internal/media/enrol") {
      if (body.token !== this.enrolToken) return reply(401);
      this.enrolToken = null;
      const worker_id = `mw_${this.workers.size + 1}`;
      this.workers.set(worker_id, body.public_key);
      return reply(200, { worker_id });
    }
    if (request.url === "/internal/media/reports") {
      try {
        await this.#worker(request);
      } catch {
        return reply(401);
      }
      const status = this.reportStatus.shift() ?? 200;
      if (status === 200) {
        this.posted.push(...body.reports);
        this.order.push("posted");
      }
      return reply(status);
    }
    const call = /^\/internal\/media\/recordings\/(\w+)$/.exec(request.url ?? "")?.[1];
    if (!call || !this.recordings) return reply(404);
    const worker_id = await this.#worker(request).catch(() => null);
    if (worker_id === null) return reply(401);
    try {
      reply(200, await this.recordings.answer(call, worker_id, body));
    } catch (error) {
      reply(error instanceof Refused ? error.status : 500, { error: String(error) });
    }
  }

  /** Rejects unless an enrolled worker signed the request. */
  async #worker(request: IncomingMessage): Promise<string> {
    const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
    const { payload } = await jwtVerify(
      token,
      async () => {
        const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
        const x = this.workers.get(sub);
        if (x === undefined) throw new Error("unknown worker");
        return importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
      },
      { algorithms: ["EdDSA"], audience: "sluice-media", maxTokenAge: 60 },
    );
    return payload.sub ?? "";
  }

  #link(socket: WebSocket): void {
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("message", (data) => {
      if (!this.silent) void this.#take(UpFrame.parse(JSON.parse(String(data))));
    });
  }

  async #take(frame: UpFrame): Promise<void> {
    switch (frame.type) {
      case "hello": {
        this.hellos.push(frame);
        this.order.push("hello");
        const running = frame.running.filter((job) => this.desired(job));
        this.send({
          type: "welcome",
          version: 1,
          worker_id: "mw_1",
          desired: running.map((job) => ({ job_id: job.job_id, lease: job.lease, grant: grantOf(job) })),
          heartbeat_seconds: 5,
          lease_seconds: 15,
          keys: await this.keys(),
        });
        break;
      }
      case "heartbeat":
        this.heartbeats.push(frame);
        break;
      case "authorise":
        this.asked.push(frame.request);
        this.send({ type: "authorised", rid: frame.rid, reply: this.decide(frame.request) });
        break;
      case "job_event":
        this.events.push(frame.report);
        break;
      case "task_event":
        this.taskEvents.push(frame);
        break;
      default:
        frame satisfies never;
    }
  }

  #grant({ key }: AuthoriseRequest): AuthoriseReply {
    const stream = /^s(\d+)$/.exec(key)?.[1];
    if (stream === undefined) return { ok: false, reason: "unknown_key", message: "unknown key" };
    const now = Date.now();
    const grant: PublishGrant = {
      job_id: newJobId(),
      attempt: 1,
      lease: newLease(),
      stream_id: Number(stream),
      session: newSession(now),
      epoch: newEpoch(now),
      first_msn: 0,
      discontinuity_sequence: 0,
      last_target_duration_s: null,
      policy: { second_publisher: "takeover", max_bitrate_bps: 50_000_000, record: true },
    };
    this.grants.push(grant);
    return { ok: true, grant };
  }
}

function grantOf({ job_id, attempt, lease, progress }: RunningJob): PublishGrant {
  const { stream_id, session, epoch, next_msn, discontinuity_sequence, target_duration_s } = progress;
  return {
    job_id,
    attempt,
    lease,
    stream_id,
    session,
    epoch,
    first_msn: next_msn,
    discontinuity_sequence,
    last_target_duration_s: target_duration_s,
    policy: { second_publisher: "takeover", max_bitrate_bps: 50_000_000, record: true },
  };
}
