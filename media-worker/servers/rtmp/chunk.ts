/**
 * RTMP chunk streams (Adobe RTMP 1.0, section 5.3): messages cut into chunks, chunks of several chunk streams mixed.
 *
 * The reader is fed whatever the socket gives. A message that lies whole in one piece of input is handed on as a view
 * of that input; one that does not is assembled once, in a buffer of its exact length.
 */

export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Message types (sections 5.4 and 7.1). */
export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  data: 18,
  sharedObject: 19,
  command: 20,
  aggregate: 22,
} as const;

const KNOWN_TYPES = new Set<number>(Object.values(MESSAGE));

export type MessageSink = {
  /**
   * One whole message. `timestamp` is the absolute time in milliseconds modulo 2^32. `payload` may be a view of the
   * input: whoever keeps a small part of it for long copies it.
   */
  message(type: number, streamId: number, timestamp: number, payload: Buffer): void;
};

export type ReaderLimits = {
  /** Longest message, in bytes: of video, and of any other type. */
  video: number;
  other: number;
  /** All messages under assembly together, by their announced lengths. */
  held: number;
};

const DEFAULT_CHUNK_SIZE = 128;
const MAX_CHUNK_SIZE = 16 * 1024 * 1024;
/** Encoders use less than ten. */
const MAX_CHUNK_STREAMS = 64;
/** Basic header 3, message header 11, extended time stamp 4. */
const MAX_HEADER = 18;
const CONTROL_CHUNK_STREAM = 2;
const EXTENDED = 0xffffff;

class ChunkStream {
  timestamp = 0;
  /** The time stamp field of the last header, whole: absolute after format 0, a delta after formats 1 and 2. */
  field = 0;
  /** The last header carried `field` as an extended time stamp. */
  extended = false;
  length = 0;
  type = 0;
  streamId = 0;
  /** The message under assembly: its exact length, or null between messages. */
  buffer: Buffer | null = null;
  filled = 0;
  /** The one byte that begins every further chunk of a message, or -1 where it takes more than that byte. */
  continuation = -1;
}

export class ChunkReader {
  limits: ReaderLimits;
  /** Set by the sink to leave the rest of the input unread; `read` then returns early. */
  halted = false;

  readonly #sink: MessageSink;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #held = 0;
  /** The chunk whose payload comes next, and how much of it is still to come. Null: a header comes next. */
  #current: ChunkStream | null = null;
  #left = 0;
  /** The begin of a header that was cut off by the end of the input. */
  readonly #carry = Buffer.alloc(MAX_HEADER);
  #carried = 0;

  constructor(sink: MessageSink, limits: ReaderLimits) {
    this.#sink = sink;
    this.limits = limits;
  }

  /** Bytes held for messages under assembly. */
  get held(): number {
    return this.#held;
  }

  /** Reads `input` and returns how much of it was taken: all, unless `halted`. Throws `ProtocolError`. */
  read(input: Buffer): number {
    const end = input.length;
    let at = 0;
    while (!this.halted) {
      if (this.#current === null) {
        if (at === end) break;
        at = this.#carried > 0 ? this.#joinHeader(input, at) : this.#header(input, at);
        if (this.#current === null) continue;
      }
      if (at === end && this.#left > 0) break;
      at = this.#payload(this.#current, input, at);
    }
    return at;
  }

  /** A header that lies in `input`, or its begin, which is put aside. */
  #header(input: Buffer, at: number): number {
    const size = this.#parseHeader(input, at, input.length);
    if (size > 0) return at + size;
    this.#carried = input.copy(this.#carry, 0, at);
    return input.length;
  }

  /** A header whose begin was put aside. */
  #joinHeader(input: Buffer, at: number): number {
    const before = this.#carried;
    const joined = before + input.copy(this.#carry, before, at, at + MAX_HEADER - before);
    const size = this.#parseHeader(this.#carry, 0, joined);
    if (size === 0) {
      this.#carried = joined;
      return at + joined - before;
    }
    this.#carried = 0;
    if (size >= before) return at + size - before;
    // What had looked like the begin of a repeated extended time stamp is payload (and maybe the next header's begin).
    const spill = Buffer.from(this.#carry.subarray(size, before));
    const taken = this.read(spill);
    if (taken < spill.length) this.#carried = spill.copy(this.#carry, 0, taken);
    return at;
  }

  /**
   * Parses a chunk header between `at` and `end`. Returns its size, or 0 if more bytes are needed (then nothing has
   * changed). Otherwise `#current` and `#left` say what follows.
   */
  #parseHeader(b: Buffer, at: number, end: number): number {
    const first = b[at] ?? 0;
    const format = first >> 6;
    let csid = first & 0x3f;
    let size = csid === 0 ? 2 : csid === 1 ? 3 : 1;
    if (end - at < size) return 0;
    if (csid === 0) csid = 64 + (b[at + 1] ?? 0);
    else if (csid === 1) csid = 64 + (b[at + 1] ?? 0) + (b[at + 2] ?? 0) * 256;

    const known = this.#streams.get(csid);
    if (format === 3) {
      if (known === undefined) throw new ProtocolError("a chunk refers to a header that never came");
      if (known.extended) {
        const repeated = repeatsTimestamp(b, at + size, end, known.field);
        if (repeated === undefined) return 0;
        if (repeated) size += 4;
      }
      if (known.buffer === null) this.#begin(known, known.timestamp + known.field);
      this.#expect(known);
      return size;
    }

    const body = at + size;
    size += format === 0 ? 11 : format === 1 ? 7 : 3;
    if (end - at < size) return 0;
    let field = u24(b, body);
    const extended = field === EXTENDED;
    if (extended) {
      if (end - at < size + 4) return 0;
      field = b.readUInt32BE(at + size);
      size += 4;
    }
    const stream = known ?? this.#open(csid, format, first);
    if (stream.buffer !== null) throw new ProtocolError("a new message began inside another of the same chunk stream");
    if (format < 2) {
      stream.length = u24(b, body + 3);
      stream.type = b[body + 6] ?? 0;
      if (format === 0) stream.streamId = b.readUInt32LE(body + 7);
    }
    stream.field = field;
    stream.extended = extended;
    stream.continuation = !extended && (first & 0x3f) > 1 ? 0xc0 | csid : -1;
    this.#begin(stream, format === 0 ? field : stream.timestamp + field);
    this.#expect(stream);
    return size;
  }

  #open(csid: number, format: number, first: number): ChunkStream {
    // librtmp sends control messages with format 1 from the start: their stream id is 0 anyway.
    const permitted = format === 0 || (format === 1 && first === (0x40 | CONTROL_CHUNK_STREAM));
    if (!permitted) throw new ProtocolError("a chunk refers to a header that never came");
    if (this.#streams.size >= MAX_CHUNK_STREAMS) throw new ProtocolError("too many chunk streams");
    const stream = new ChunkStream();
    this.#streams.set(csid, stream);
    return stream;
  }

  #begin(stream: ChunkStream, timestamp: number): void {
    stream.timestamp = timestamp >>> 0;
    if (!KNOWN_TYPES.has(stream.type)) throw new ProtocolError(`unknown message type ${stream.type}`);
    const limit = stream.type === MESSAGE.video ? this.limits.video : this.limits.other;
    if (stream.length > limit) throw new ProtocolError(`a message of ${stream.length} bytes, at most ${limit} allowed`);
  }

  #expect(stream: ChunkStream): void {
    this.#current = stream;
    this.#left = Math.min(this.#chunkSize, stream.length - stream.filled);
  }

  /** Takes payload of the current chunk, and of the chunks that follow it as long as they belong to the same message. */
  #payload(stream: ChunkStream, input: Buffer, at: number): number {
    const end = input.length;
    if (stream.buffer === null) {
      if (this.#left === stream.length && end - at >= stream.length) {
        this.#current = null;
        this.#deliver(stream, input.subarray(at, at + stream.length));
        return at + stream.length;
      }
      this.#held += stream.length;
      if (this.#held > this.limits.held) throw new ProtocolError("too many bytes in unfinished messages");
      stream.buffer = Buffer.allocUnsafe(stream.length);
    }
    const { buffer, length, continuation } = stream;
    let left = this.#left;
    for (;;) {
      const count = Math.min(left, end - at);
      copy(input, at, buffer, stream.filled, count);
      at += count;
      stream.filled += count;
      left -= count;
      if (left > 0) {
        this.#left = left;
        return at;
      }
      if (stream.filled === length) break;
      // Most often the rest of the message follows at once, each chunk behind one byte: no need to look any further.
      if (at === end || input[at] !== continuation) {
        this.#current = null;
        return at;
      }
      at++;
      left = Math.min(this.#chunkSize, length - stream.filled);
    }
    this.#current = null;
    this.#release(stream);
    this.#deliver(stream, buffer);
    return at;
  }

  #release(stream: ChunkStream): void {
    if (stream.buffer !== null) this.#held -= stream.length;
    stream.buffer = null;
    stream.filled = 0;
  }

  /** The two messages that change how chunks are read are dealt with here. */
  #deliver(stream: ChunkStream, payload: Buffer): void {
    if (stream.type === MESSAGE.setChunkSize) {
      const size = payload.length === 4 ? payload.readUInt32BE(0) : 0;
      if (size < 1 || size > MAX_CHUNK_SIZE) throw new ProtocolError("a chunk size that is not 1 to 16,777,216");
      this.#chunkSize = size;
    } else if (stream.type === MESSAGE.abort) {
      if (payload.length !== 4) throw new ProtocolError("an abort that is not 4 bytes long");
      const aborted = this.#streams.get(payload.readUInt32BE(0));
      if (aborted !== undefined) this.#release(aborted);
    } else {
      this.#sink.message(stream.type, stream.streamId, stream.timestamp, payload);
    }
  }
}

const u24 = (b: Buffer, at: number) => ((b[at] ?? 0) << 16) | ((b[at + 1] ?? 0) << 8) | (b[at + 2] ?? 0);

/**
 * Whether the four bytes at `at` are the extended time stamp `field` once more. The standard wants it in every chunk
 * (section 5.3.1.3), some encoders send it in the first only. Undefined: cannot be told yet.
 */
function repeatsTimestamp(b: Buffer, at: number, end: number, field: number): boolean | undefined {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return undefined;
    if (b[at + i] !== ((field >>> (24 - 8 * i)) & 0xff)) return false;
  }
  return true;
}

/** Below some sixty bytes a loop beats the call into native code. */
function copy(from: Buffer, at: number, to: Buffer, target: number, count: number): void {
  if (count > 64) from.copy(to, target, at, at + count);
  else for (let i = 0; i < count; i++) to[target + i] = from[at + i] ?? 0;
}

/** One message in chunks of `chunkSize`, on one of the one-byte chunk streams (2 to 63), at time 0. */
export function encodeMessage(
  csid: number,
  type: number,
  streamId: number,
  payload: Buffer,
  chunkSize: number,
): Buffer {
  const chunks = Math.max(1, Math.ceil(payload.length / chunkSize));
  const bytes = Buffer.alloc(12 + payload.length + chunks - 1);
  bytes[0] = csid;
  bytes.writeUIntBE(payload.length, 4, 3);
  bytes[7] = type;
  bytes.writeUInt32LE(streamId, 8);
  let at = 12;
  for (let from = 0; from < payload.length; from += chunkSize) {
    if (from > 0) bytes[at++] = 0xc0 | csid;
    at += payload.copy(bytes, at, from, from + chunkSize);
  }
  return bytes;
}
