import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AmfError, type AmfValue, decodeAmf0, encodeAmf0 } from "../../media-worker/servers/rtmp/amf0.ts";

const text = (value: string) => Buffer.concat([Buffer.of(0, Buffer.byteLength(value)), Buffer.from(value)]);

const { value: amfValue } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.string({ unit: "binary" }),
    fc.constant(null),
    fc.constant(undefined),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
  ),
}));

describe("AMF 0", () => {
  test("what is encoded decodes to the same", () => {
    fc.assert(
      fc.property(fc.array(amfValue, { maxLength: 5 }), (values) => {
        expect(decodeAmf0(encodeAmf0(...values))).toEqual(values);
      }),
    );
  });

  test("long strings, dates, ECMA arrays, typed objects, XML and unsupported values", () => {
    const long = "x".repeat(70_000);
    expect(decodeAmf0(encodeAmf0(long))).toEqual([long]);
    const date = Buffer.concat([Buffer.of(11), encodeAmf0(1234.5).subarray(1), Buffer.of(0, 0)]);
    const ecma = Buffer.concat([Buffer.of(8, 0, 0, 0, 1), text("a"), encodeAmf0(1), Buffer.of(0, 0, 9)]);
    const typed = Buffer.concat([Buffer.of(16), text("Class"), text("b"), encodeAmf0(true), Buffer.of(0, 0, 9)]);
    const xml = Buffer.concat([Buffer.of(15, 0, 0), text("<a/>")]);
    const bytes = Buffer.concat([date, ecma, typed, xml, Buffer.of(13)]);
    expect(decodeAmf0(bytes)).toEqual([1234.5, { a: 1 }, { b: true }, "<a/>", undefined]);
  });

  test("an ECMA array may end with the message, as some encoders have it", () => {
    const bytes = Buffer.concat([Buffer.of(8, 0, 0, 0, 1), text("a"), encodeAmf0(1)]);
    expect(decodeAmf0(bytes)).toEqual([{ a: 1 }]);
  });

  test("a key called __proto__ is a key", () => {
    const [object] = decodeAmf0(Buffer.concat([Buffer.of(3), text("__proto__"), encodeAmf0("x"), Buffer.of(0, 0, 9)]));
    expect(Object.keys(object as object)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test.each([
    ["a cut number", Buffer.of(0, 1, 2)],
    ["a string longer than the message", Buffer.of(2, 0xff, 0xff, 1)],
    ["a long string longer than the message", Buffer.of(12, 0xff, 0xff, 0xff, 0xff)],
    ["an object without an end", Buffer.concat([Buffer.of(3), text("a"), encodeAmf0(1)])],
    ["a strict array of four billion", Buffer.of(10, 0xff, 0xff, 0xff, 0xff)],
    ["a reference", Buffer.of(7, 0, 0)],
    ["AMF 3", Buffer.of(17)],
    ["an unknown marker", Buffer.of(99)],
    ["objects 1,000 deep", Buffer.concat(Array.from({ length: 1000 }, () => Buffer.of(3, 0, 1, 97)))],
    ["arrays 1,000 deep", Buffer.concat(Array.from({ length: 1000 }, () => Buffer.of(10, 0, 0, 0, 1)))],
    ["5,000 values", Buffer.alloc(5000, 5)],
  ])("%s is refused", (_name, bytes) => {
    expect(() => decodeAmf0(bytes)).toThrow(AmfError);
  });

  test("any bytes decode or are refused, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeAmf0(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(AmfError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
