/** One file over HTTP with ranges, as any web server or S3 gives it, and a page that plays a file by itself. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export type Served = { port: number; close(): void };

export async function serveFile(file: string, type: string): Promise<Served> {
  const { size } = statSync(file);
  return serve((incoming, outgoing) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(incoming.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    const end = to ? Math.min(Number(to), size - 1) : size - 1;
    outgoing.writeHead(from === undefined ? 200 : 206, {
      "content-type": type,
      "accept-ranges": "bytes",
      "content-length": end - start + 1,
      ...(from !== undefined && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    if (incoming.method === "HEAD") outgoing.end();
    // A client that goes away in the middle is no failure.
    else pipeline(createReadStream(file, { start, end }), outgoing, () => undefined);
  });
}

/** A page with nothing but a `<video>` of `url`. */
export const servePage = (url: string): Promise<Served> =>
  serve((_, outgoing) => {
    outgoing.setHeader("content-type", "text/html");
    outgoing.end(`<!doctype html><video muted autoplay src="${url}"></video>`);
  });

async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
