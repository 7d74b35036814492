/**
 * Pushes one FLV clip to many RTMP addresses in real time from one process that costs little: every message is chunked
 * once (4096-byte chunks, as OBS does) and only its time stamp is patched per turn.
 *
 *   npx node bench/replay.ts clip.flv URL…
 *
 * Prints `ready` when all publish, and exits non-zero when one is refused or dropped.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

const CHUNK = 4096;
const TICK_MS = 20;

type Message = { at: number; bytes: Buffer };

/** FLV tags as ready RTMP chunks; the absolute time stamp at offset 1 is patched when sent. */
function readClip(file: string): { headers: Buffer[]; messages: Message[]; length: number } {
  const flv = readFileSync(file);
  const headers: Buffer[] = [];
  const messages: Message[] = [];
  let length = 0;
  for (let at = 9 + 4; at + 11 < flv.length; ) {
    const type = flv.readUInt8(at);
    const size = flv.readUIntBE(at + 1, 3);
    const time = flv.readUIntBE(at + 4, 3) | (flv.readUInt8(at + 7) << 24);
    const body = flv.subarray(at + 11, at + 11 + size);
    at += 11 + size + 4;
    if (type !== 8 && type !== 9) continue;
    const bytes = chunked(type === 8 ? 4 : 6, type, body);
    const isHeader = body[1] === 0 && (type === 8 || (body[0] ?? 0) % 16 === 7);
    if (isHeader) headers.push(bytes);
    // AVC end of sequence closes the clip: it must not be repeated in a loop.
    else if (!(type === 9 && body[1] === 2)) messages.push({ at: time, bytes });
    length = Math.max(length, time);
  }
  return { headers, messages, length: length + 33 };
}

function chunked(csid: number, type: number, body: Buffer, streamId = 1): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt8(csid, 0);
  head.writeUIntBE(body.length, 4, 3);
  head.writeUInt8(type, 7);
  head.writeUInt32LE(streamId, 8);
  const pieces = [head, body.subarray(0, CHUNK)];
  for (let at = CHUNK; at < body.length; at += CHUNK) {
    pieces.push(Buffer.from([0xc0 | csid]), body.subarray(at, at + CHUNK));
  }
  return Buffer.concat(pieces);
}

const string = (text: string) =>
  Buffer.concat([Buffer.from([2, text.length >> 8, text.length & 255]), Buffer.from(text)]);
const property = (key: string, value: string) =>
  Buffer.concat([Buffer.from([key.length >> 8, key.length & 255]), Buffer.from(key), string(value)]);
const number = (value: number) => {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
};
const command = (parts: Buffer[], streamId: number) => chunked(3, 20, Buffer.concat(parts), streamId);

/** Connects and publishes; resolves when the server says NetStream.Publish.Start. */
function publish(url: URL): Promise<Socket> {
  const [, app = "live", key = ""] = url.pathname.split("/");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port || 1935), url.hostname, () => {
      socket.setNoDelay(true);
      socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]));
    });
    let received = Buffer.alloc(0);
    let step = 0;
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed while publishing to ${url.host}`)));
    socket.on("data", (data) => {
      if (step === 3) return;
      received = Buffer.concat([received, data]);
      if (step === 0 && received.length >= 3073) {
        const chunkSize = chunked(2, 1, Buffer.from([0, 0, CHUNK >> 8, CHUNK & 255]), 0);
        const options = Buffer.concat([
          Buffer.from([3]),
          property("app", app),
          property("type", "nonprivate"),
          property("tcUrl", `rtmp://${url.host}/${app}`),
          Buffer.from([0, 0, 9]),
        ]);
        socket.write(received.subarray(1, 1537)); // C2 repeats S1
        socket.write(chunkSize);
        socket.write(command([string("connect"), number(1), options], 0));
        socket.write(command([string("createStream"), number(2), Buffer.from([5])], 0));
        step = 1;
      }
      const text = received.toString("latin1");
      if (step === 1 && text.split("_result").length > 2) {
        socket.write(command([string("publish"), number(3), Buffer.from([5]), string(key), string("live")], 1));
        step = 2;
      }
      if (text.includes("NetStream.Publish.Bad")) reject(new Error(`${url.host} refused the key`));
      if (step === 2 && text.includes("NetStream.Publish.Start")) {
        step = 3;
        received = Buffer.alloc(0);
        resolve(socket);
      }
    });
  });
}

const [file = "", ...urls] = process.argv.slice(2);
const clip = readClip(file);

function send(socket: Socket, bytes: Buffer, time: number): void {
  const copy = Buffer.from(bytes);
  copy.writeUIntBE(time % 0xffffff, 1, 3);
  socket.write(copy);
}

const sockets: Socket[] = [];
for (const url of urls) sockets.push(await publish(new URL(url)));
for (const socket of sockets) {
  for (const header of clip.headers) send(socket, header, 0);
  socket.on("close", () => {
    console.error("a publisher was dropped");
    process.exit(1);
  });
}
console.log("ready");

const begin = performance.now();
// Publishers start a little apart, so that keyframes of all do not fall on one instant.
const cursors = sockets.map((socket, n) => ({ socket, next: 0, turn: 0, offset: n * 61 }));
setInterval(() => {
  const now = performance.now() - begin;
  for (const cursor of cursors) {
    for (;;) {
      const message = clip.messages[cursor.next];
      if (message === undefined) throw new Error("the clip is empty");
      const time = cursor.turn * clip.length + message.at;
      if (time + cursor.offset > now) break;
      send(cursor.socket, message.bytes, time);
      cursor.next++;
      if (cursor.next === clip.messages.length) {
        cursor.next = 0;
        cursor.turn++;
      }
    }
  }
}, TICK_MS);
