import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChunkReader, encodeMessage, MESSAGE, ProtocolError } from "../../media-worker/servers/rtmp/chunk.ts";
import { type ChunkFormat, ChunkWriter, type OutgoingMessage } from "../harness/rtmp-chunk-writer.ts";

const LIMITS = { video: 1_000_000, other: 100_000, held: 2_000_000 };

type Message = { type: number; streamId: number; timestamp: number; payload: string };

function reader(limits = LIMITS) {
  const messages: Message[] = [];
  const sink = {
    message(type: number, streamId: number, timestamp: number, payload: Buffer) {
      messages.push({ type, streamId, timestamp, payload: payload.toString("hex") });
    },
  };
  return { messages, reader: new ChunkReader(sink, limits) };
}

/** Reads `bytes` cut at the given places. */
function readCut(bytes: Buffer, cuts: number[] = []): Message[] {
  const { messages, reader: r } = reader();
  let from = 0;
  for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
    const piece = Buffer.from(bytes.subarray(from, to));
    expect(r.read(piece)).toBe(piece.length);
    from = Math.max(from, to);
  }
  expect(r.held).toBe(0);
  return messages;
}

const expected = ({ type, streamId = 0, timestamp = 0, payload }: OutgoingMessage): Message => ({
  type,
  streamId,
  timestamp: timestamp % 2 ** 32,
  payload: payload.toString("hex"),
});

const video = (timestamp: number, size = 10, csid = 6): OutgoingMessage => ({
  csid,
  type: MESSAGE.video,
  streamId: 1,
  timestamp,
  payload: Buffer.alloc(size, timestamp & 0xff),
});

const chunkSizeMessage = (size: number): OutgoingMessage => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return { csid: 2, type: MESSAGE.setChunkSize, payload };
};

/** Messages on several chunk streams, their chunks mixed at random but each stream's kept in order. */
const session = fc
  .record({
    chunkSizes: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 3 }),
    repeatExtended: fc.boolean(),
    messages: fc.array(
      fc.record({
        csid: fc.constantFrom(3, 6, 63, 64, 319, 320, 65_599),
        type: fc.constantFrom<number>(MESSAGE.video, MESSAGE.audio, MESSAGE.data),
        size: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 100, max: 9000 })),
        step: fc.oneof(
          fc.integer({ min: 0, max: 100 }),
          fc.constantFrom(33, 33, 33, 0xfffffe, 0xffffff, 0x1000000, 2 ** 32 - 5, 2 ** 31),
        ),
        fill: fc.integer({ min: 0, max: 255 }),
        mix: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 30 },
    ),
  })
  .map(({ chunkSizes, repeatExtended, messages }) => {
    const writer = new ChunkWriter();
    writer.repeatExtended = repeatExtended;
    const bytes: Buffer[] = [];
    const sent: Message[] = [];
    let timestamp = 0;
    messages.forEach(({ csid, type, size, step, fill, mix }, n) => {
      if (n % 10 === 0) {
        const chunkSize = chunkSizes[(n / 10) % chunkSizes.length] ?? 128;
        bytes.push(writer.encode(chunkSizeMessage(chunkSize)));
        writer.chunkSize = chunkSize;
      }
      timestamp = (timestamp + step) % 2 ** 32;
      const message: OutgoingMessage = { csid, type, streamId: 1, timestamp, payload: Buffer.alloc(size, fill) };
      const chunks = writer.split(message);
      // Another, whole message goes between two chunks of this one.
      if (mix === 0 && chunks.length > 1) {
        const between: OutgoingMessage = {
          csid: 40,
          type: MESSAGE.audio,
          streamId: 1,
          timestamp,
          payload: Buffer.of(n),
        };
        bytes.push(chunks[0]!, writer.encode({ ...between, format: 0 }), ...chunks.slice(1));
        sent.push(expected(between), expected(message));
      } else {
        bytes.push(...chunks);
        sent.push(expected(message));
      }
    });
    return { bytes: Buffer.concat(bytes), sent };
  });

describe("the chunk reader", () => {
  test("gives the messages that were written, wherever the input is cut", () => {
    fc.assert(
      fc.property(session, fc.array(fc.nat(), { maxLength: 40 }), ({ bytes, sent }, cuts) => {
        expect(
          readCut(
            bytes,
            cuts.map((cut) => cut % bytes.length),
          ),
        ).toEqual(sent);
      }),
      { numRuns: 300 },
    );
  });

  test("gives them byte by byte too", () => {
    fc.assert(
      fc.property(session, ({ bytes, sent }) => {
        fc.pre(bytes.length < 20_000);
        expect(readCut(bytes, Array.from(bytes.keys()).slice(1))).toEqual(sent);
      }),
      { numRuns: 30 },
    );
  });

  test.each<[ChunkFormat, number[]]>([
    [0, [1000, 1033, 1066]],
    [1, [1000, 1033, 1066]],
    [2, [1000, 1033, 1066]],
    [3, [1000, 2000, 3000]], // behind format 0 the delta is its time stamp (section 5.3.1.2.4)
  ])("reads format %i", (format, times) => {
    const writer = new ChunkWriter();
    const messages = times.map((time, n) => ({ ...video(time, 500), format: n === 0 ? 0 : format }) as OutgoingMessage);
    const bytes = Buffer.concat(messages.map((message) => writer.encode(message)));
    expect(readCut(bytes)).toEqual(messages.map(expected));
  });

  test("crosses 2^24 ms with 128-byte chunks, whether or not the encoder repeats the extended time stamp", () => {
    for (const repeatExtended of [true, false])
      for (const format of [0, undefined] as const) {
        const writer = new ChunkWriter();
        writer.repeatExtended = repeatExtended;
        const messages = [-2, -1, 0, 1, 2].map((n) => ({ ...video(2 ** 24 + n * 33, 1000), format }));
        const bytes = Buffer.concat(messages.map((message) => writer.encode(message)));
        for (const cuts of [[], Array.from(bytes.keys())]) expect(readCut(bytes, cuts)).toEqual(messages.map(expected));
      }
  });

  test("tells payload from a repeated extended time stamp by all its bytes", () => {
    const writer = new ChunkWriter();
    writer.repeatExtended = false;
    writer.chunkSize = 128;
    // The second chunk begins like the time stamp 0x01020304 and then goes on otherwise; the third is two bytes long.
    const payload = Buffer.concat([Buffer.alloc(128), Buffer.of(1, 2, 3, 9), Buffer.alloc(124), Buffer.of(1, 2)]);
    const messages = [
      { ...video(0x01020304), payload, format: 0 as const },
      { ...video(0x01020304 + 33), payload: Buffer.of(7), format: 0 as const },
    ];
    const bytes = Buffer.concat(messages.map((message) => writer.encode(message)));
    for (const cuts of [[], Array.from(bytes.keys())]) expect(readCut(bytes, cuts)).toEqual(messages.map(expected));
  });

  test("takes time deltas modulo 2^32", () => {
    const writer = new ChunkWriter();
    const messages = [video(2 ** 32 - 10), { ...video(2 ** 32 + 23), format: 1 as const }];
    const bytes = Buffer.concat(messages.map((message) => writer.encode(message)));
    expect(readCut(bytes).map((message) => message.timestamp)).toEqual([2 ** 32 - 10, 23]);
  });

  test("a message in one piece of input is a view of it; one in several chunks is not", () => {
    const payloads: Buffer[] = [];
    const r = new ChunkReader({ message: (_t, _s, _ts, payload) => payloads.push(payload) }, LIMITS);
    const writer = new ChunkWriter();
    const whole = writer.encode(video(0, 100));
    r.read(whole);
    expect(payloads[0]?.buffer).toBe(whole.buffer);
    const cut = writer.encode(video(33, 40_000));
    r.read(cut);
    cut.fill(0xff);
    expect(payloads[1]).toEqual(Buffer.alloc(40_000, 33));
  });

  test("stops behind the message that halts it, and goes on where it stopped", () => {
    const times: number[] = [];
    const r = new ChunkReader(
      {
        message: (_type, _stream, timestamp) => {
          times.push(timestamp);
          r.halted = true;
        },
      },
      LIMITS,
    );
    const writer = new ChunkWriter();
    const parts = [0, 33, 66].map((time) => writer.encode(video(time, 300)));
    const bytes = Buffer.concat(parts);
    let at = r.read(bytes);
    expect(at).toBe(parts[0]?.length);
    expect(r.read(bytes.subarray(at))).toBe(0);
    for (let n = 0; n < 2; n++) {
      r.halted = false;
      at += r.read(bytes.subarray(at));
    }
    expect(at).toBe(bytes.length);
    expect(times).toEqual([0, 33, 66]);
  });

  test("an abort drops the begun message of that chunk stream only", () => {
    const writer = new ChunkWriter();
    const [first] = writer.split(video(0, 300, 6));
    const [other, ...rest] = writer.split(video(5, 300, 7));
    const abort = writer.encode({ csid: 2, type: MESSAGE.abort, payload: Buffer.of(0, 0, 0, 6) });
    const next = writer.encode({ ...video(40, 10, 6), format: 0 });
    const messages = readCut(Buffer.concat([first!, other!, abort, ...rest, next]));
    expect(messages.map((message) => message.timestamp)).toEqual([5, 40]);
  });

  test("librtmp's control messages may begin with format 1", () => {
    const writer = new ChunkWriter();
    const pong = { csid: 2, type: MESSAGE.userControl, payload: Buffer.of(0, 7, 0, 0, 0, 1) };
    expect(readCut(writer.encode({ ...pong, format: 1 }))).toEqual([expected(pong)]);
  });

  describe("refuses", () => {
    const refused = (bytes: Buffer | Buffer[], limits = LIMITS) => {
      const all = Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes);
      expect(() => reader(limits).reader.read(all)).toThrow(ProtocolError);
      expect(() => {
        const r = reader(limits).reader;
        for (const byte of all) r.read(Buffer.of(byte));
      }).toThrow(ProtocolError);
    };

    test.each<ChunkFormat>([1, 2, 3])("format %i without a header before it", (format) => {
      refused(new ChunkWriter().encode({ ...video(0), format }));
    });
    test.each([
      ["0", [0, 0, 0, 0]],
      ["2^31", [0x80, 0, 0, 0]],
      ["16 MiB + 1", [1, 0, 0, 1]],
      ["of one byte", [2]],
      ["of no bytes", []],
      ["of five bytes", [0, 0, 1, 0, 0]],
    ])("a chunk size %s", (_name, bytes) => {
      refused(new ChunkWriter().encode({ csid: 2, type: MESSAGE.setChunkSize, payload: Buffer.from(bytes) }));
    });
    test("an abort that is too short", () => {
      refused(new ChunkWriter().encode({ csid: 2, type: MESSAGE.abort, payload: Buffer.of(0) }));
    });
    test("unknown message types", () => {
      refused(new ChunkWriter().encode({ ...video(0), type: 77 }));
    });
    test("messages over the limit, before a byte of them came", () => {
      refused(new ChunkWriter().split({ ...video(0, 1), claimedLength: LIMITS.video + 1 })[0]!);
      refused(new ChunkWriter().split({ ...video(0, 1), type: MESSAGE.data, claimedLength: LIMITS.other + 1 })[0]!);
    });
    test("more begun messages than may be held", () => {
      const writer = new ChunkWriter();
      refused([6, 7, 8].map((csid) => writer.encode({ ...video(0, 128, csid), claimedLength: 900_000 })));
    });
    test("more than 64 chunk streams", () => {
      const writer = new ChunkWriter();
      refused(Array.from({ length: 65 }, (_, n) => writer.encode(video(0, 1, 100 + n))));
    });
    test("a new message inside another of the same chunk stream", () => {
      const writer = new ChunkWriter();
      refused([writer.split(video(0, 300))[0]!, writer.encode({ ...video(33), format: 0 })]);
    });
  });

  test("any bytes give messages or are refused, and hold no more than allowed", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
        const { reader: r } = reader({ video: 5000, other: 1000, held: 8000 });
        try {
          for (const piece of pieces) r.read(Buffer.from(piece));
          expect(r.held).toBeLessThanOrEqual(8000);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test("what the server writes, it could read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), fc.integer({ min: 128, max: 300 }), (bytes, chunkSize) => {
      const payload = Buffer.from(bytes);
      const written = [
        new ChunkWriter().encode(chunkSizeMessage(chunkSize)),
        encodeMessage(3, MESSAGE.command, 1, payload, chunkSize),
      ];
      expect(readCut(Buffer.concat(written))).toEqual([
        expected({ csid: 3, type: MESSAGE.command, streamId: 1, payload }),
      ]);
    }),
  );
});
