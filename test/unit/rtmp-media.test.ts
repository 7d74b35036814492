/** What RTMP's media messages mean: time stamps, tag headers, NAL units, and what of them reaches the hub. */
import { beforeEach, describe, expect, test } from "vitest";
import { type AmfObject, encodeAmf0 } from "../../media-worker/servers/rtmp/amf0.ts";
import { ProtocolError } from "../../media-worker/servers/rtmp/chunk.ts";
import { inspectPicture, nalLengthSize, Tag } from "../../media-worker/servers/rtmp/flv-tags.ts";
import { Publication, UnsupportedCodec } from "../../media-worker/servers/rtmp/publication.ts";
import { TimestampUnwrapper } from "../../media-worker/servers/rtmp/timestamps.ts";
import { enhancedAudio, enhancedVideo } from "../harness/h264-source.ts";
import { RecordedSession } from "../harness/ingest-recorder.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

const RECORD = hex("01 42c01e ff e1 0004 6742c01e 01 0002 68ce");
const OTHER_RECORD = hex("01 42c01f ff e1 0004 6742c01f 01 0002 68ce");
const AVC_HEADER = Buffer.concat([hex("17 00 000000"), RECORD]);
const IDR = hex("00000003 65 8880");
const PICTURE = hex("00000002 41 9a");
const SEI = hex("00000002 06 05");
/** Frame type: 1 key, 2 inter. */
const avc = (frameType: number, cts: string, ...nals: Buffer[]) =>
  Buffer.concat([Buffer.of((frameType << 4) | 7, 1), hex(cts), ...nals]);
const AAC_HEADER = hex("af 00 1190");
const aac = (...bytes: number[]) => Buffer.of(0xaf, 1, ...bytes);

describe("time stamps", () => {
  const unwrapAll = (...times: number[]) => {
    const unwrapper = new TimestampUnwrapper();
    return times.map((time) => unwrapper.unwrap(time));
  };

  test("go on over the wrap of 32 bits, again and again", () => {
    const step = 2 ** 30;
    const times = Array.from({ length: 20 }, (_, n) => 5 + n * step);
    expect(unwrapAll(...times.map((time) => time % 2 ** 32))).toEqual(times);
  });
  test("of two tracks stay together where one has wrapped and the other has not", () => {
    expect(unwrapAll(2 ** 32 - 20, 3, 2 ** 32 - 1, 13)).toEqual([2 ** 32 - 20, 2 ** 32 + 3, 2 ** 32 - 1, 2 ** 32 + 13]);
  });
  test("that jump stay jumps: an hour on, eight seconds and an hour back", () => {
    const times = [10_000_000, 13_600_000, 13_592_000, 9_992_000];
    expect(unwrapAll(...times)).toEqual(times);
  });
  test("below the first one are negative", () => {
    expect(unwrapAll(5, 2 ** 32 - 5)).toEqual([5, -5]);
  });
});

describe("tag headers", () => {
  const video = (bytes: Buffer) => {
    const tag = new Tag();
    tag.readVideo(bytes);
    return { content: tag.content, codec: tag.codec, cts: tag.cts, offset: tag.offset };
  };
  const audio = (bytes: Buffer) => {
    const tag = new Tag();
    tag.readAudio(bytes);
    return { content: tag.content, codec: tag.codec, offset: tag.offset };
  };

  test.each([
    ["sequence header", "17 00 000000 01", { content: "config", codec: "H.264", cts: 0, offset: 5 }],
    ["picture, positive offset", "27 01 000042 00", { content: "media", codec: "H.264", cts: 66, offset: 5 }],
    ["picture, negative offset", "27 01 ffffbe 00", { content: "media", codec: "H.264", cts: -66, offset: 5 }],
    ["end of sequence", "17 02 000000", { content: "end", codec: "H.264" }],
    ["command frame", "57 00", { content: "other" }],
    ["cut off", "17 01", { content: "other" }],
    ["nothing", "", { content: "other" }],
    ["codec id 12", "1c 00 000000", { content: "media", codec: "H.265 (HEVC)" }],
    ["Sorenson", "22 00", { content: "media", codec: "Sorenson H.263" }],
    ["enhanced avc1 start", "90 61766331 01", { content: "config", codec: "H.264", offset: 5 }],
    ["enhanced avc1 frame", "a1 61766331 ffffbe", { content: "media", codec: "H.264", cts: -66, offset: 8 }],
    ["enhanced avc1 frame, no offset", "a3 61766331 00", { content: "media", codec: "H.264", cts: 0, offset: 5 }],
    ["enhanced avc1 end", "92 61766331", { content: "end", codec: "H.264" }],
    ["enhanced metadata", "94 61766331 00", { content: "other" }],
    ["enhanced hvc1", "90 68766331 01", { content: "config", codec: "H.265 (HEVC)" }],
    ["enhanced av01", "90 61763031 01", { content: "config", codec: "AV1" }],
    ["enhanced, cut off", "a1 617663", { content: "other" }],
    ["enhanced multitrack", "96 00 61766331", { content: "other" }],
    ["enhanced with a nanosecond offset", "a7 02 000001 01 61766331 000000 00", { content: "media", offset: 13 }],
    [
      "enhanced with a long modifier",
      `a7 ff 00ff ${"00".repeat(256)} 03 61766331 00`,
      { content: "media", offset: 265 },
    ],
    ["enhanced with a modifier that does not end", "a7 ff ffff 00", { content: "other" }],
  ])("video: %s", (_name, bytes, expected) => {
    expect(video(hex(bytes))).toMatchObject(expected);
  });

  test.each([
    ["AAC sequence header", "af 00 1190", { content: "config", codec: "AAC", offset: 2 }],
    ["AAC frame", "af 01 21", { content: "media", codec: "AAC", offset: 2 }],
    ["AAC, cut off", "af", { content: "other" }],
    ["nothing", "", { content: "other" }],
    ["MP3", "2f fffb", { content: "media", codec: "MP3" }],
    ["enhanced mp4a start", "90 6d703461 1190", { content: "config", codec: "AAC", offset: 5 }],
    ["enhanced mp4a frame", "91 6d703461 21", { content: "media", codec: "AAC", offset: 5 }],
    ["enhanced Opus", "91 4f707573 21", { content: "media", codec: "Opus" }],
    ["enhanced multitrack", "95 00 6d703461", { content: "other" }],
    ["unknown FourCC", "91 00010203", { content: "media", codec: '"\\u0000\\u0001\\u0002\\u0003"' }],
  ])("audio: %s", (_name, bytes, expected) => {
    expect(audio(hex(bytes))).toMatchObject(expected);
  });
});

describe("NAL units", () => {
  test("a keyframe is an IDR picture, wherever among the others it is", () => {
    expect(inspectPicture(Buffer.concat([SEI, IDR]), 4)).toBe("idr");
    expect(inspectPicture(Buffer.concat([IDR, SEI, IDR]), 4)).toBe("idr");
    expect(inspectPicture(Buffer.concat([SEI, PICTURE]), 4)).toBe("picture");
    expect(inspectPicture(SEI, 4)).toBe("none");
    expect(inspectPicture(hex("0003 658880"), 2)).toBe("idr");
    expect(inspectPicture(hex("03 658880"), 1)).toBe("idr");
  });
  test.each([
    ["a length beyond the end", "00000004 658880"],
    ["a length of 2^32 - 1", "ffffffff 658880"],
    ["no length", "00000000 00000003 658880"],
    ["a cut length", "00000003 658880 0000"],
    ["a length and nothing else", "00000003"],
    ["start codes", "00000001 65888000000001 41"],
  ])("%s is damage", (_name, bytes) => {
    expect(inspectPicture(hex(bytes), 4)).toBe("damaged");
  });
  test("the decoder configuration says how long lengths are, or is refused", () => {
    expect(nalLengthSize(RECORD)).toBe(4);
    const changed = (at: number, value: number) => {
      const record = Buffer.from(RECORD);
      record[at] = value;
      return nalLengthSize(record);
    };
    expect([changed(4, 0xfd), changed(4, 0xfc), changed(4, 0xfe)]).toEqual([2, 1, 0]);
    expect(changed(0, 0)).toBe(0); // version
    expect(changed(5, 0xe0)).toBe(0); // no parameter set
    expect(nalLengthSize(RECORD.subarray(0, 6))).toBe(0);
  });
});

describe("a publication", () => {
  let now = 0;
  let hub: RecordedSession;
  let publication: Publication;
  beforeEach(() => {
    now = 1000;
    hub = new RecordedSession({ protocol: "rtmp", app: "live", key: "k", ip: "::1" }, { protocol: "rtmp", close() {} });
    publication = new Publication(hub, () => now);
  });
  const metadata = (values: AmfObject, name = "@setDataFrame") =>
    publication.data(name === "onMetaData" ? encodeAmf0(name, values) : encodeAmf0(name, "onMetaData", values));

  test("gives configurations and access units, with what they say", () => {
    publication.video(0, AVC_HEADER);
    publication.audio(0, AAC_HEADER);
    publication.video(100, avc(1, "000042", SEI, IDR));
    publication.audio(110, aac(1, 2));
    publication.video(133, avc(2, "ffffbe", PICTURE));
    expect(hub.videoConfigs).toEqual([{ codec: "h264", record: RECORD }]);
    expect(hub.audioConfigs).toEqual([{ codec: "aac", record: hex("1190") }]);
    expect(hub.units).toEqual([
      { kind: "video", dts: 100, cts: 66, key: true, data: Buffer.concat([SEI, IDR]) },
      { kind: "audio", dts: 110, cts: 0, key: true, data: Buffer.of(1, 2) },
      { kind: "video", dts: 133, cts: -66, key: false, data: PICTURE },
    ]);
  });

  test("gives the same for the enhanced forms", () => {
    publication.video(0, enhancedVideo(AVC_HEADER));
    publication.audio(0, enhancedAudio(AAC_HEADER));
    publication.video(100, enhancedVideo(avc(1, "000042", IDR)));
    publication.audio(110, enhancedAudio(aac(1, 2)));
    expect(hub.videoConfigs[0]?.record).toEqual(RECORD);
    expect(hub.audioConfigs[0]?.record).toEqual(hex("1190"));
    expect(hub.units).toEqual([
      { kind: "video", dts: 100, cts: 66, key: true, data: IDR },
      { kind: "audio", dts: 110, cts: 0, key: true, data: Buffer.of(1, 2) },
    ]);
  });

  test("gives a repeated sequence header once, a changed one again", () => {
    for (const header of [RECORD, RECORD, OTHER_RECORD, OTHER_RECORD, RECORD])
      publication.video(0, Buffer.concat([hex("1700000000"), header]));
    expect(hub.videoConfigs.map((config) => config.record)).toEqual([RECORD, OTHER_RECORD, RECORD]);
    publication.audio(0, AAC_HEADER);
    publication.audio(5000, AAC_HEADER);
    publication.audio(5000, hex("af 00 1208"));
    expect(hub.audioConfigs.map((config) => config.record)).toEqual([hex("1190"), hex("1208")]);
  });

  test("keeps copies of sequence headers, not the input they came in", () => {
    const input = Buffer.from(AVC_HEADER);
    publication.video(0, input);
    input.fill(0);
    expect(hub.videoConfigs[0]?.record).toEqual(RECORD);
  });

  test("does not take the frame type's word for a keyframe", () => {
    publication.video(0, AVC_HEADER);
    publication.video(0, avc(1, "000000", PICTURE));
    publication.video(33, avc(2, "000000", IDR));
    expect(hub.units.map((unit) => unit.key)).toEqual([false, true]);
  });

  test("leaves out what is no media: empty, before its header, without a picture, ends of sequence", () => {
    publication.video(0, avc(1, "000000", IDR));
    publication.audio(0, aac(1));
    publication.video(0, hex("17 00 000000"));
    publication.audio(0, hex("af00"));
    publication.video(0, AVC_HEADER);
    publication.audio(0, AAC_HEADER);
    for (const bytes of ["", "17", "17 01 000000", "17 02 000000", "57 00"]) publication.video(0, hex(bytes));
    for (const bytes of ["", "af", "af01"]) publication.audio(0, hex(bytes));
    publication.video(0, avc(1, "000000", SEI));
    expect(hub.units).toEqual([]);
  });

  test("bears a few damaged pictures, and gives up on an encoder that sends nothing else", () => {
    const damaged = avc(1, "000000", hex("00ffffff 65"));
    publication.video(0, AVC_HEADER);
    for (let n = 0; n < 59; n++) publication.video(n, damaged);
    publication.video(60, avc(1, "000000", IDR));
    expect(hub.units.length).toBe(1);
    for (let n = 0; n < 59; n++) publication.video(n, damaged);
    expect(() => publication.video(100, damaged)).toThrow(ProtocolError);
  });

  test.each([
    ["video", hex("17 00 000000 00112233")],
    ["video", Buffer.concat([AVC_HEADER, Buffer.alloc(20_000)])],
    ["audio", hex("af 00 11")],
    ["audio", Buffer.concat([AAC_HEADER, Buffer.alloc(20_000)])],
  ] as const)("refuses a damaged %s sequence header", (kind, bytes) => {
    expect(() => publication[kind](0, bytes)).toThrow(ProtocolError);
  });

  test.each([
    ["1c 00 000000 01", "H.265 (HEVC)"],
    ["90 68766331 01", "H.265 (HEVC)"],
    ["12 00", "Sorenson H.263"],
    ["90 61763031 01", "AV1"],
  ])("refuses other video: %s is %s", (bytes, codec) => {
    expect(() => publication.video(0, hex(bytes))).toThrow(new UnsupportedCodec("video", codec));
  });

  test("drops MP3 once and lets the video go on", () => {
    publication.video(0, AVC_HEADER);
    for (let n = 0; n < 5; n++) publication.audio(n * 10_000, hex("2f fffb"));
    now += 60_000;
    publication.audio(60_000, hex("2f fffb"));
    publication.video(60_000, avc(1, "000000", IDR));
    expect(hub.droppedCodecs).toEqual(["MP3"]);
    expect(hub.units.length).toBe(1);
  });

  test("refuses MP3 alone: at once if the metadata says so, or when no video came for three seconds", () => {
    publication.audio(0, hex("2f fffb"));
    now += 2999;
    publication.audio(2999, hex("2f fffb"));
    now += 1;
    expect(() => publication.audio(3000, hex("2f fffb"))).toThrow(new UnsupportedCodec("audio", "MP3"));
    publication = new Publication(hub, () => now);
    metadata({ audiocodecid: 2, audiosamplerate: 44100 });
    expect(() => publication.audio(0, hex("2f fffb"))).toThrow(UnsupportedCodec);
  });

  test("warns of few codecs, however many there are", () => {
    publication.video(0, AVC_HEADER);
    for (let n = 0; n < 200; n++) publication.audio(0, Buffer.concat([hex("91 616161"), Buffer.of(n), hex("00")]));
    expect(hub.droppedCodecs.length).toBe(4);
  });

  test.each<[AmfObject, object]>([
    [
      { videocodecid: 7, audiocodecid: 10, framerate: 30, encoder: "Lavf" },
      { video: true, audio: true, frame_rate: 30, encoder: "Lavf" },
    ],
    [
      { videocodecid: "avc1", audiocodecid: "mp4a", framerate: 59.94 },
      { video: true, audio: true, frame_rate: 59.94 },
    ],
    [
      { videocodecid: 0x61766331, audiocodecid: 0x6d703461 },
      { video: true, audio: true },
    ],
    [{ audiocodecid: 10 }, { video: false, audio: true }],
    [{ videocodecid: 7 }, { video: true, audio: false }],
    [
      { width: 640, height: 360 },
      { video: true, audio: false },
    ],
    [
      { videocodecid: 7, audiocodecid: 2 },
      { video: true, audio: false },
    ],
    [{ framerate: -1, encoder: 5, title: "x" }, {}],
    [{ framerate: Number.NaN }, {}],
  ])("announces what the metadata says: %j", (values, announced) => {
    metadata(values);
    metadata(values, "onMetaData");
    expect(hub.announced).toEqual([announced, announced]);
  });

  test("ignores other data, and metadata that is none", () => {
    publication.data(encodeAmf0("onTextData", { text: "x" }));
    publication.data(encodeAmf0("onMetaData"));
    publication.data(encodeAmf0("@setDataFrame", "onMetaData", 5, ["x"]));
    publication.data(Buffer.alloc(0));
    publication.data(Buffer.alloc(30, 0xff));
    expect(hub.announced).toEqual([]);
  });
});
