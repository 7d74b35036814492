/**
 * The play server: HLS playlists, segments and parts of the streams that are packaged here, out of memory.
 *
 *     GET|HEAD /live/{stream_id}/{name}       with the Worker's signature
 *     GET|HEAD /live/t/{path_token}/{name}    for viewers (`PLAYBACK=direct`)
 *
 * 404: nothing there (or not yet). 400: a reload that asks for what cannot come next. 403: no valid signature or token.
 * 503: a blocking reload that waited for three target durations.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { LinkKeys } from "#contract/media";
import { MEDIA_PLAYLIST } from "#kit/media-names";
import { REQUEST_SIGNATURE_HEADER } from "#kit/request-signature";
import { ViewerWindow } from "#kit/viewer-window";
import type { Clock } from "../../live/clock.ts";
import type { Log } from "../../log.ts";
import type { HlsOutput } from "../../packager/hls-output.ts";
import { type Access, AccessCheck } from "./access.ts";
import { answer, CORS, failure, lengthOf, type Reply, type Waiting } from "./answers.ts";
import { SlowReaders } from "./slow-readers.ts";

export type PlayServerOptions = {
  host: string;
  /** 0: any free one. */
  port: number;
  /** The packager of a stream, or null when there is none. */
  find(streamId: number): HlsOutput | null;
  clock: Clock;
  log: Log;
};

export type PlayServer = {
  port: number;
  keys(keys: LinkKeys): void;
  /** Path tokens of the stream's older generations are refused. */
  revoke(streamId: number, generation: number): void;
  /** Distinct viewers of the last 10 s that came by path token. */
  viewers(streamId: number): number;
  close(): Promise<void>;
};

const URL_FORM = /^\/live\/(?:t\/([^/?]{1,300})|(\d{1,15}))\/([^/?]{1,100})(?:\?(.{0,200}))?$/;
const CHECK_MS = 1_000;
const MAX_CONNECTIONS = 20_000;
/** Longer than clients keep theirs, so that they and not we close idle ones. */
const KEEP_ALIVE_MS = 75_000;
const REQUEST_TIMEOUT_MS = 10_000;
const PREFLIGHT: Reply = {
  status: 204,
  headers: { ...CORS, "access-control-allow-methods": "GET, HEAD", "access-control-allow-headers": "range" },
  body: [],
};

/** Rejects when the address cannot be listened on. */
export async function startPlayServer(options: PlayServerOptions): Promise<PlayServer> {
  const { clock, log } = options;
  const access = new AccessCheck();
  const viewers = new ViewerWindow();
  const slow = new SlowReaders();

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const { method = "", url = "" } = req;
    if (method !== "GET" && method !== "HEAD") {
      send(req, res, method === "OPTIONS" ? PREFLIGHT : failure(405, { allow: "GET, HEAD, OPTIONS" }));
      return;
    }
    const match = URL_FORM.exec(url);
    if (!match) {
      send(req, res, failure(404));
      return;
    }
    const [, token, stream, name = "", query = ""] = match;
    const now = clock.now();
    // Most requests show a token that has held before: those are answered in this turn.
    const known = token === undefined ? null : access.known(token, now);
    if (known) {
      serve(req, res, known, name, query);
      return;
    }
    const signature = one(req.headers[REQUEST_SIGNATURE_HEADER]);
    const check =
      token === undefined ? access.signature(Number(stream), signature, method, url, now) : access.token(token, now);
    check
      .then((granted) => (granted ? serve(req, res, granted, name, query) : send(req, res, failure(403))))
      .catch((error: unknown) => {
        log.error({ err: error }, "play request failed");
        res.destroy();
      });
  }

  function serve(req: IncomingMessage, res: ServerResponse, from: Access, name: string, query: string): void {
    if (from.viewer !== null && name === MEDIA_PLAYLIST) viewers.see(from.streamId, from.viewer, clock.elapsed());
    const output = options.find(from.streamId);
    const gzip = /\bgzip\b/.test(one(req.headers["accept-encoding"]) ?? "");
    const reply = answer(output, { name, query, gzip, range: req.headers.range });
    if ("status" in reply) send(req, res, reply);
    else if (output) wait(req, res, output, reply);
  }

  function wait(req: IncomingMessage, res: ServerResponse, output: HlsOutput, waiting: Waiting): void {
    const stop = output.changes.wait(() => {
      const reply = waiting.answer();
      if (reply !== null) send(req, res, reply);
      return reply !== null;
    });
    const cancel = clock.after(waiting.ms, () => send(req, res, waiting.late));
    res.once("close", () => {
      stop();
      cancel();
    });
  }

  function send(req: IncomingMessage, res: ServerResponse, reply: Reply): void {
    if (res.destroyed || res.headersSent) return;
    const { status, headers, body } = reply;
    // 204 must not have a length (RFC 9110 section 8.6).
    if (status === 204) write(req, res, status, headers, []);
    else if (!("read" in body)) write(req, res, status, { ...headers, "content-length": lengthOf(body) }, body);
    else if (req.method === "HEAD") write(req, res, status, { ...headers, "content-length": body.length }, []);
    else {
      body.read().then(
        (bytes) => send(req, res, { ...reply, body: [bytes] }),
        (error: unknown) => {
          log.error({ err: error }, "a segment cannot be read back");
          send(req, res, failure(404));
        },
      );
    }
  }

  function write(
    req: IncomingMessage,
    res: ServerResponse,
    status: number,
    headers: Reply["headers"],
    body: readonly Buffer[],
  ): void {
    res.writeHead(status, headers);
    if (req.method === "HEAD") {
      res.end();
      return;
    }
    res.cork();
    for (const piece of body) res.write(piece);
    res.end();
    res.uncork();
    slow.watch(res, clock.elapsed());
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS }, handle);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.removeListener("error", reject);
      server.on("error", (error) => log.error({ err: error }, "play server error"));
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the play server has no port");
  let cancelCheck = () => {};
  const check = () => {
    slow.check(clock.elapsed());
    cancelCheck = clock.after(CHECK_MS, check);
  };
  check();

  return {
    port: address.port,
    keys: (keys) => access.setKeys(keys),
    revoke: (streamId, generation) => access.revoke(streamId, generation),
    viewers: (streamId) => viewers.count(streamId, clock.elapsed()),
    async close() {
      cancelCheck();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A header that was sent twice counts as its first value. */
const one = (header: string | string[] | undefined) => (typeof header === "string" ? header : header?.[0]);
