/** The RTMP and RTMPS server: accepts connections, bounds them, and keeps their deadlines. */
import { randomBytes } from "node:crypto";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Logger } from "pino";
import { type Clock, systemClock } from "../../live/clock.ts";
import type { Ingest } from "../../live/media.ts";
import { RTMP_LIMITS, type RtmpLimits } from "./limits.ts";
import { RtmpSession } from "./session.ts";

export type RtmpServerOptions = {
  host: string;
  /** 0: any free one. */
  port: number;
  ingest: Ingest;
  /** PEM; makes it RTMPS. */
  tls?: { key: string; cert: string };
  limits?: Partial<RtmpLimits>;
  clock?: Clock;
  log: Pick<Logger, "debug" | "info" | "warn" | "error">;
};

export type RtmpServer = {
  port: number;
  /** Open connections, let in or not. */
  connections(): number;
  /** Tells every encoder, and resolves when all connections are gone. */
  close(): Promise<void>;
};

/** What a session needs of its server. */
export type SessionHost = {
  readonly protocol: "rtmp" | "rtmps";
  readonly ingest: Ingest;
  readonly limits: RtmpLimits;
  readonly log: RtmpServerOptions["log"];
  now(): number;
  random(size: number): Buffer;
  /** A change in what unauthorised connections hold; returns the sum of all. */
  holdBefore(change: number): number;
  /** Let in or turned away: no longer counted against its address. Harmless when repeated. */
  settled(session: RtmpSession): void;
  closed(session: RtmpSession): void;
};

const TICK_MS = 250;

/** Rejects when the address cannot be listened on (`EADDRINUSE`, …). */
export async function startRtmpServer(options: RtmpServerOptions): Promise<RtmpServer> {
  const { ingest, log, tls } = options;
  const limits = { ...RTMP_LIMITS, ...options.limits };
  const clock = options.clock ?? systemClock;
  const sessions = new Set<RtmpSession>();
  const unsettled = new Set<RtmpSession>();
  const unsettledPerIp = new Map<string, number>();
  let heldBefore = 0;
  let closing: Promise<void> | null = null;
  const drained = Promise.withResolvers<void>();
  /** Connections over a limit since the last tick: logged together, for they come in floods. */
  let turnedAway = 0;

  const host: SessionHost = {
    protocol: tls === undefined ? "rtmp" : "rtmps",
    ingest,
    limits,
    log,
    now: clock.elapsed,
    random: randomBytes,
    holdBefore: (change) => {
      heldBefore += change;
      return heldBefore;
    },
    settled(session) {
      if (!unsettled.delete(session)) return;
      const left = (unsettledPerIp.get(session.ip) ?? 1) - 1;
      if (left === 0) unsettledPerIp.delete(session.ip);
      else unsettledPerIp.set(session.ip, left);
    },
    closed(session) {
      host.settled(session);
      sessions.delete(session);
      if (sessions.size === 0 && closing !== null) drained.resolve();
    },
  };

  function accept(socket: Socket): void {
    const ip = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const waiting = unsettledPerIp.get(ip) ?? 0;
    if (waiting >= limits.maxUnauthorisedPerIp) {
      turnedAway++;
      // Errors of a socket nobody listens to would end the process.
      socket.on("error", (error) => log.debug({ ip, err: error }, "rtmp socket error"));
      socket.destroy();
      return;
    }
    unsettledPerIp.set(ip, waiting + 1);
    const session = new RtmpSession(socket, ip, host);
    unsettled.add(session);
    sessions.add(session);
  }

  // A high-water mark of 1: a paused socket holds one read (at most 64 KiB), not two. It changes nothing else.
  const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true, highWaterMark: 1 };
  const server: Server =
    tls === undefined
      ? createTcpServer(socketOptions, accept)
      : createTlsServer({ ...socketOptions, ...tls, handshakeTimeout: limits.handshakeMs }, accept);
  // Counts TLS handshakes that are not done yet as well.
  server.maxConnections = limits.maxConnections;
  server.on("drop", () => turnedAway++);
  server.on("tlsClientError", (error) => log.debug({ err: error }, "rtmps handshake failed"));

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.removeListener("error", reject);
      server.on("error", (error) => log.error({ err: error }, "rtmp server error"));
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the RTMP server has no port");
  function tick(): void {
    const now = clock.elapsed();
    for (const session of sessions) session.tick(now);
    if (turnedAway > 0) log.warn({ turned_away: turnedAway, connections: sessions.size }, "too many rtmp connections");
    turnedAway = 0;
    cancelTick = clock.after(TICK_MS, tick);
  }
  let cancelTick = clock.after(TICK_MS, tick);

  async function close(): Promise<void> {
    const stopped = new Promise((resolve) => server.close(resolve));
    for (const session of sessions) session.stop("worker_stopped");
    if (sessions.size > 0) await drained.promise;
    await stopped;
    cancelTick();
  }

  return {
    port: address.port,
    connections: () => sessions.size,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
