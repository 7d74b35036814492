/** Writes RTMP chunks in every form the standard has, and in some that it has not. */

/** 0: whole header. 1: same stream, time delta. 2: same length and type too. 3: same delta too. */
export type ChunkFormat = 0 | 1 | 2 | 3;

export type OutgoingMessage = {
  /** 2 to 65,599; the one-, two- or three-byte form follows from it. */
  csid: number;
  type: number;
  payload: Buffer;
  streamId?: number;
  /** Absolute, in ms, taken modulo 2^32; deltas are worked out. */
  timestamp?: number;
  /** The smallest form that says the same, as most encoders do, unless given. */
  format?: ChunkFormat;
  /** The length to claim instead of the payload's. */
  claimedLength?: number;
};

type Sent = { timestamp: number; field: number; length: number; type: number; streamId: number };

export class ChunkWriter {
  chunkSize = 128;
  /** Whether chunks of format 3 carry the extended time stamp again, as the standard says. */
  repeatExtended = true;
  readonly #sent = new Map<number, Sent>();

  /** All chunks of one message, behind each other. */
  encode(message: OutgoingMessage): Buffer {
    return Buffer.concat(this.split(message));
  }

  /** The chunks of one message, to be mixed with those of others. */
  split(message: OutgoingMessage): Buffer[] {
    const { csid, type, payload, streamId = 0, claimedLength: length = payload.length } = message;
    const timestamp = (message.timestamp ?? 0) % 2 ** 32;
    const before = this.#sent.get(csid);
    const delta = before === undefined ? 0 : timestamp - before.timestamp;
    const format = message.format ?? smallest(before, { delta, length, type, streamId });
    const field = format === 0 ? timestamp : format === 3 && before !== undefined ? before.field : delta >>> 0;
    this.#sent.set(csid, { timestamp, field, length, type, streamId });

    const extended = Buffer.alloc(field >= 0xffffff ? 4 : 0);
    if (extended.length > 0) extended.writeUInt32BE(field);
    const header = Buffer.alloc(11);
    header.writeUIntBE(Math.min(field, 0xffffff), 0, 3);
    header.writeUIntBE(length, 3, 3);
    header[6] = type;
    header.writeUInt32LE(streamId, 7);
    const again = this.repeatExtended ? extended : Buffer.alloc(0);

    const size = [11, 7, 3, 0][format];
    const chunks: Buffer[] = [];
    for (let at = 0; at === 0 || at < payload.length; at += this.chunkSize) {
      const part = payload.subarray(at, at + this.chunkSize);
      const first = at === 0;
      const head = first ? [header.subarray(0, size), format === 3 ? again : extended] : [again];
      chunks.push(Buffer.concat([basicHeader(first ? format : 3, csid), ...head, part]));
    }
    return chunks;
  }
}

function smallest(
  before: Sent | undefined,
  now: { delta: number; length: number; type: number; streamId: number },
): ChunkFormat {
  if (before === undefined || now.delta < 0 || before.streamId !== now.streamId) return 0;
  if (before.length !== now.length || before.type !== now.type) return 1;
  return before.field === now.delta ? 3 : 2;
}

function basicHeader(format: ChunkFormat, csid: number): Buffer {
  if (csid < 64) return Buffer.of((format << 6) | csid);
  if (csid < 320) return Buffer.of(format << 6, csid - 64);
  return Buffer.of((format << 6) | 1, (csid - 64) & 0xff, (csid - 64) >> 8);
}
