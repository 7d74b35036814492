/** An HTTP proxy on loopback that counts what passes through it towards the client. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Passed = {
  path: string;
  range: string | undefined;
  status: number;
  /** Of the body, as far as the client's socket took them. */
  bytes: number;
};

export type CountingProxy = {
  origin: string;
  /** Every request so far, oldest first; those that run still count up. */
  passed: Passed[];
  /** Resolves when nothing came through for `milliseconds`, or `most` are over. */
  quiet(milliseconds: number, most: number): Promise<void>;
  close(): void;
};

/** `upstream`: the port on 127.0.0.1 that answers. */
export async function startCountingProxy(upstream: number): Promise<CountingProxy> {
  const agent = new Agent({ keepAlive: true });
  const passed: Passed[] = [];
  let last = performance.now();

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const entry: Passed = { path: incoming.url ?? "/", range: incoming.headers.range, status: 0, bytes: 0 };
    passed.push(entry);
    last = performance.now();
    const { method, headers, url } = incoming;
    const onward = request({ agent, host: "127.0.0.1", port: upstream, method, headers, path: url }, (answer) => {
      entry.status = answer.statusCode ?? 0;
      outgoing.writeHead(entry.status, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        if (outgoing.destroyed) return;
        entry.bytes += chunk.length;
        last = performance.now();
        if (outgoing.write(chunk)) return;
        answer.pause();
        outgoing.once("drain", () => answer.resume());
      });
      answer.on("end", () => outgoing.end());
      answer.on("error", () => outgoing.destroy());
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => {
      // What lay here when the client went away never reached it.
      if (!outgoing.writableFinished) entry.bytes -= Math.min(entry.bytes, outgoing.writableLength);
      onward.destroy();
    });
    incoming.pipe(onward);
  };

  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    async quiet(milliseconds, most) {
      const deadline = performance.now() + most;
      while (performance.now() - last < milliseconds && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
