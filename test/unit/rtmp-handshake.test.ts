import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../media-worker/servers/rtmp/chunk.ts";
import { Handshake } from "../../media-worker/servers/rtmp/handshake.ts";

const C1 = Buffer.from(Uint8Array.from({ length: 1536 }, (_, n) => n % 251));
const C2 = Buffer.alloc(1536, 9);
const CLIENT = Buffer.concat([Buffer.of(3), C1, C2, Buffer.from("chunks")]);

/** Feeds `CLIENT` in pieces; returns what was sent, and what was left for the chunk reader. */
function run(piece: number): { sent: Buffer; left: string; heldMost: number } {
  const handshake = new Handshake((size) => Buffer.alloc(size, 7));
  const sent: Buffer[] = [];
  const left: Buffer[] = [];
  let heldMost = 0;
  for (let at = 0; at < CLIENT.length; at += piece) {
    const input = CLIENT.subarray(at, at + piece);
    const taken = handshake.done ? 0 : handshake.read(input, (bytes) => sent.push(bytes));
    heldMost = Math.max(heldMost, handshake.held);
    if (taken < input.length) {
      expect(handshake.done).toBe(true);
      left.push(input.subarray(taken));
    }
  }
  expect(handshake.held).toBe(0);
  return { sent: Buffer.concat(sent), left: Buffer.concat(left).toString(), heldMost };
}

describe("the handshake", () => {
  test.each([1, 7, 1536, 1537, 1538, 3073, 10_000])("is the same in pieces of %i", (piece) => {
    const { sent, left, heldMost } = run(piece);
    expect(left).toBe("chunks");
    expect(heldMost).toBeLessThanOrEqual(1537);
    expect(sent.length).toBe(1 + 2 * 1536);
    expect(sent[0]).toBe(3);
    // S1: time 0, version 0 (no digest, whatever Flash's C1 says), random bytes. S2: C1.
    expect(sent.subarray(1, 1537)).toEqual(Buffer.concat([Buffer.alloc(8), Buffer.alloc(1528, 7)]));
    expect(sent.subarray(1537)).toEqual(C1);
  });

  test.each([0, 6, 0x47, 0xff])("that begins with %i is refused at its first byte", (version) => {
    const handshake = new Handshake((size) => Buffer.alloc(size));
    expect(() => handshake.read(Buffer.of(version), () => {})).toThrow(ProtocolError);
  });
});
