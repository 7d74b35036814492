/** The messages a server sends (Adobe RTMP 1.0, sections 5.4, 6.2, 7.1 and 7.2), ready for the socket. */
import { type AmfObject, type AmfValue, encodeAmf0 } from "./amf0.ts";
import { encodeMessage, MESSAGE } from "./chunk.ts";
import type { Status } from "./statuses.ts";

/** Larger than any reply, so that each is one chunk. */
const CHUNK_SIZE = 4096;
/** For a client's acknowledgements, which nobody waits for. */
const WINDOW = 2_500_000;
const DYNAMIC_LIMIT = 2;

const CONTROL_STREAM = 2;
const COMMAND_STREAM = 3;
const STATUS_STREAM = 5;

const STREAM_BEGIN = 0;
const PING_RESPONSE = 7;

function u32(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value >>> 0, 4 * i);
  });
  return bytes;
}

const control = (type: number, payload: Buffer) => encodeMessage(CONTROL_STREAM, type, 0, payload, CHUNK_SIZE);
const userControl = (event: number, payload: Buffer) =>
  control(MESSAGE.userControl, Buffer.concat([Buffer.of(0, event), payload]));

export const acknowledgement = (bytes: number) => control(MESSAGE.acknowledgement, u32(bytes));
export const pingResponse = (payload: Buffer) => userControl(PING_RESPONSE, payload);

/** The reply to a command: `_result` or `_error` with its transaction id. */
export function reply(name: "_result" | "_error", transaction: number, ...values: AmfValue[]): Buffer {
  return encodeMessage(COMMAND_STREAM, MESSAGE.command, 0, encodeAmf0(name, transaction, ...values), CHUNK_SIZE);
}

/** Goes before any reply: they may be longer than a chunk of the initial size. */
export function preamble(): Buffer {
  return Buffer.concat([
    control(MESSAGE.windowAcknowledgementSize, u32(WINDOW)),
    control(MESSAGE.setPeerBandwidth, Buffer.concat([u32(WINDOW), Buffer.of(DYNAMIC_LIMIT)])),
    control(MESSAGE.setChunkSize, u32(CHUNK_SIZE)),
  ]);
}

/** `codecs`: the client asked which codecs we take (Enhanced RTMP). */
export function connected(transaction: number, codecs: boolean): Buffer {
  const properties: AmfObject = { fmsVer: "FMS/3,0,1,123", capabilities: 31 };
  const information: AmfObject = {
    level: "status",
    code: "NetConnection.Connect.Success",
    description: "Connection succeeded.",
    objectEncoding: 0,
  };
  const canForward = 4;
  if (codecs) {
    information.videoFourCcInfoMap = { avc1: canForward };
    information.audioFourCcInfoMap = { mp4a: canForward };
  }
  return reply("_result", transaction, properties, information);
}

/** `onStatus`, on the stream it speaks of; statuses of the connection go on stream 0. */
export function onStatus(streamId: number, status: Status): Buffer {
  const stream = status.code.startsWith("NetConnection.") ? 0 : streamId;
  const payload = encodeAmf0("onStatus", 0, null, { ...status });
  return encodeMessage(STATUS_STREAM, MESSAGE.command, stream, payload, CHUNK_SIZE);
}

export function publishStarted(streamId: number): Buffer {
  const status: Status = { level: "status", code: "NetStream.Publish.Start", description: "Publishing." };
  return Buffer.concat([userControl(STREAM_BEGIN, u32(streamId)), onStatus(streamId, status)]);
}
