/** Objects in memory behind `GET` with ranges, and what was `PUT`: as much of S3 as presigned addresses show. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type RangeServer = {
  url(name: string): string;
  readonly objects: Map<string, Buffer>;
  /** By name, with its content type. */
  readonly put: Map<string, { type: string | undefined; body: Buffer }>;
  /** `GET name bytes=…` or `PUT name`, in order. */
  readonly requests: string[];
  /** Bytes that were sent. */
  sent: number;
  /** Statuses of the next replies; it answers as it should when empty. */
  readonly statuses: number[];
  stop(): Promise<void>;
};

export async function startRangeServer(): Promise<RangeServer> {
  const server = createServer(async (request, response) => {
    const name = (request.url ?? "/").slice(1);
    const { range } = request.headers;
    state.requests.push(`${request.method} ${name}${range === undefined ? "" : ` ${range}`}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const status = state.statuses.shift();
    if (status !== undefined) return void response.writeHead(status).end("<Error><Code>Test</Code></Error>");
    if (request.method === "PUT") {
      state.put.set(name, { type: request.headers["content-type"], body: Buffer.concat(chunks) });
      return void response.writeHead(200).end();
    }
    const object = state.objects.get(name);
    if (!object) return void response.writeHead(404).end();
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const body = object.subarray(Number(from), to === "" ? undefined : Number(to) + 1);
    if (body.length === 0) return void response.writeHead(416).end();
    state.sent += body.length;
    const last = Number(from) + body.length - 1;
    const about = { "content-length": body.length, "accept-ranges": "bytes" };
    if (range === undefined) return void response.writeHead(200, about).end(body);
    response.writeHead(206, { ...about, "content-range": `bytes ${from}-${last}/${object.length}` }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const state: RangeServer = {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    objects: new Map(),
    put: new Map(),
    requests: [],
    sent: 0,
    statuses: [],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return state;
}
