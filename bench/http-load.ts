/**
 * A process that keeps so many connections busy with one request after the other, so that it is not what is measured:
 * a request is written as it was built once, and of a reply only its length and its status are looked at.
 *
 *   node bench/http-load.ts <origin> <path> <connections> <seconds> [header: value]…
 *
 * prints one JSON object.
 */
import { connect, type Socket } from "node:net";

export type Load = { requests: number; seconds: number; failed: number; p50_ms: number; p99_ms: number };

const HEAD_END = Buffer.from("\r\n\r\n");

/** Calls `got` with each reply's status. Throws on a reply without a length. */
function replies(socket: Socket, got: (status: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf(HEAD_END);
      if (end < 0) return;
      const head = rest.toString("latin1", 0, end);
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      if (length === undefined) throw new Error(`no length: ${head}`);
      const next = end + HEAD_END.length + Number(length);
      if (rest.length < next) return;
      rest = rest.subarray(next);
      got(Number(head.slice(9, 12)));
    }
  });
}

async function load(origin: string, path: string, connections: number, seconds: number, headers: string[]) {
  const { hostname, port, host } = new URL(origin);
  const request = Buffer.from([`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, "", ""].join("\r\n"));
  const times: number[] = [];
  let failed = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      socket.setNoDelay(true);
      let sent = 0;
      const send = () => {
        sent = performance.now();
        socket.write(request);
      };
      replies(socket, (status) => {
        const now = performance.now();
        times.push(now - sent);
        if (status !== 200) failed += 1;
        if (now < until) return send();
        socket.destroy();
        resolve();
      });
      socket.on("connect", send);
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the connection was closed")));
    });
  await Promise.all(Array.from({ length: connections }, one));
  const took = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (part: number) => Number((times[Math.floor(times.length * part)] ?? Number.NaN).toFixed(2));
  return { requests: times.length, seconds: took, failed, p50_ms: at(0.5), p99_ms: at(0.99) } satisfies Load;
}

const [origin = "", path = "/", connections = "32", seconds = "3", ...headers] = process.argv.slice(2);
console.log(JSON.stringify(await load(origin, path, Number(connections), Number(seconds), headers)));
