import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAudioSpecificConfig } from "../../media-worker/packager/aac.ts";
import { parseAvcRecord } from "../../media-worker/packager/avc.ts";
import { CodecError } from "../../media-worker/packager/codec-error.ts";

const hex = (text: string) => Buffer.from(text, "hex");

describe("H.264 configuration records, as x264 writes them", () => {
  const square = { horizontal: 1, vertical: 1 };
  test.each([
    [
      "baseline 320x180, 30 fps, cropped from 320x192",
      "0142c00dffe100176742c00dda05067e7c0440000003004000000f03c50aa801000468ce0fc8",
      { codec: "avc1.42c00d", width: 320, height: 180, pixelAspect: square, frameRate: 30 },
    ],
    [
      "main 1080 interlaced, 25 fps, cropped from 1088 lines in fields",
      "014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8",
      { codec: "avc1.4d4028", width: 1920, height: 1080, pixelAspect: square, frameRate: 25 },
    ],
    [
      "1080p, 59.94 fps",
      "0142c02affe100176742c02ada01e0089f97011000003e90001d4c00f1832a01000468ce0fc8",
      { codec: "avc1.42c02a", width: 1920, height: 1080, pixelAspect: square, frameRate: 60000 / 1001 },
    ],
    [
      "pixels that are not square",
      "0142c01effe100186742c01eda02d049b041000003000100000300320f162ea001000468ce0fc8",
      {
        codec: "avc1.42c01e",
        width: 720,
        height: 576,
        pixelAspect: { horizontal: 16, vertical: 11 },
        frameRate: 25,
      },
    ],
    [
      "high 4:4:4 with odd sizes",
      "01f4000dffe1001a67f4000d919681519e3e2f0110000003001000000303c0f142aa01000568ce0f1920fff8f800",
      { codec: "avc1.f4000d", width: 322, height: 182, pixelAspect: square, frameRate: 30 },
    ],
    [
      "high 10",
      "016e001effe10019676e001ea6cb405017fcb80880000003008000001e078b175001000468ce0fc8fdfafa00",
      { codec: "avc1.6e001e", width: 640, height: 360, pixelAspect: square, frameRate: 30 },
    ],
  ])("%s", (_, record, expected) => {
    expect(parseAvcRecord(hex(record))).toEqual(expected);
  });

  test("any change of any record is parsed or refused, never anything else", () => {
    const good = hex("01f4000dffe1001a67f4000d919681519e3e2f0110000003001000000303c0f142aa01000568ce0f1920fff8f800");
    const damaged = fc
      .tuple(fc.nat(good.length), fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }))
      .map(([length, changes]) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 80 }).map(Buffer.from)), (record) => {
        try {
          const { width, height } = parseAvcRecord(record);
          expect(width).toBeGreaterThan(0);
          expect(height).toBeLessThanOrEqual(16_384);
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["nothing", ""],
    ["another version", "0042c00dffe100176742c00dda05067e7c0440000003004000000f03c50aa801000468ce0fc8"],
    ["no SPS", "0142c00dffe001000468ce0fc8"],
    ["no PPS", "0142c00dffe100176742c00dda05067e7c0440000003004000000f03c50aa800"],
    ["a set longer than the record", "0142c00dffe100ff6742c00dda05067e7c0440000003004000000f03c50aa801000468ce0fc8"],
    ["an SPS cut off", "0142c00dffe100056742c00dda01000468ce0fc8"],
  ])("%s is malformed", (_, record) => {
    expect(() => parseAvcRecord(hex(record))).toThrow(expect.objectContaining({ reason: "malformed" }));
  });
});

describe("AudioSpecificConfig", () => {
  test.each([
    ["LC 48 kHz stereo", "1190", { codec: "mp4a.40.2", coreRate: 48_000, sampleRate: 48_000, channels: 2 }],
    ["LC 44.1 kHz mono", "1208", { codec: "mp4a.40.2", coreRate: 44_100, sampleRate: 44_100, channels: 1 }],
    ["LC 5.1", "11b0", { codec: "mp4a.40.2", coreRate: 48_000, sampleRate: 48_000, channels: 6 }],
    ["HE-AAC 24/48 kHz", "2b118800", { codec: "mp4a.40.5", coreRate: 24_000, sampleRate: 48_000, channels: 2 }],
    ["HE-AAC v2", "eb098800", { codec: "mp4a.40.29", coreRate: 24_000, sampleRate: 48_000, channels: 1 }],
    ["an explicit rate", "17805dc008", { codec: "mp4a.40.2", coreRate: 48_000, sampleRate: 48_000, channels: 1 }],
  ])("%s", (_, config, expected) => {
    expect(parseAudioSpecificConfig(hex(config))).toEqual({ ...expected, frameLength: 1024 });
  });

  test("frames of 960 samples", () => {
    expect(parseAudioSpecificConfig(hex("1194")).frameLength).toBe(960);
  });

  test.each([
    ["nothing", "", "malformed"],
    ["one byte", "11", "malformed"],
    ["a reserved rate", "1690", "malformed"],
    ["USAC", "f9460000", "unsupported"],
    ["channels described elsewhere", "1180", "unsupported"],
    ["far too long", "11".repeat(65), "malformed"],
  ])("%s is refused", (_, config, reason) => {
    expect(() => parseAudioSpecificConfig(hex(config))).toThrow(expect.objectContaining({ reason }));
  });

  test("any bytes are parsed or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          expect(parseAudioSpecificConfig(Buffer.from(bytes)).coreRate).toBeGreaterThan(7000);
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
