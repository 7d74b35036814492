/**
 * The seam of the live path: a publisher (any protocol) puts tracks and access units into a stream,
 * readers (packager, recorder, …) take them out. A protocol knows only this file.
 */
import type { EndReason, RefuseReason } from "#contract/media";

export type VideoConfig = {
  codec: "h264";
  /** AVCDecoderConfigurationRecord (ISO/IEC 14496-15), as it arrived. */
  record: Buffer;
};

export type AudioConfig = {
  codec: "aac";
  /** AudioSpecificConfig (ISO/IEC 14496-3), as it arrived. */
  record: Buffer;
};

/** One access unit. Times in milliseconds, unwrapped by the protocol (beyond 32 bits), of the publisher's own clock. */
export type AccessUnit = {
  kind: "video" | "audio";
  dts: number;
  /** Composition offset: pts = dts + cts. 0 for audio. */
  cts: number;
  /** Video: an IDR picture. Audio: always true. */
  key: boolean;
  /** Video: NAL units with 4-byte (or the record's) length prefixes. Audio: one raw AAC frame. */
  data: Buffer;
};

/** What the encoder said about itself (RTMP `onMetaData`); every field optional and unverified. */
export type Announced = {
  video?: boolean;
  audio?: boolean;
  frame_rate?: number;
  encoder?: string;
};

/** Held by the protocol server for the time of one publish session. All calls are synchronous and cheap. */
export interface PublisherInput {
  announce(announced: Announced): void;
  video(config: VideoConfig): void;
  audio(config: AudioConfig): void;
  unit(unit: AccessUnit): void;
  /** A track of a codec we do not take was dropped; the streamer is warned. */
  dropped(kind: "video" | "audio", codec: string): void;
  /** The session is over; later calls are ignored. */
  end(reason: EndReason): void;
}

/** The hub's hold on the protocol's connection. */
export interface PublisherConnection {
  readonly protocol: "rtmp" | "rtmps";
  /** Tell the encoder why, in its protocol's words, and close. Called at most once by the hub. */
  close(reason: EndReason): void;
}

export type PublishRequest = {
  protocol: "rtmp" | "rtmps";
  app: string;
  key: string;
  ip: string;
};

export type PublishReply = { ok: true; input: PublisherInput } | { ok: false; reason: RefuseReason; message: string };

/** Implemented by the hub, called by protocol servers before the encoder is told to start. */
export interface Ingest {
  publish(request: PublishRequest, connection: PublisherConnection): Promise<PublishReply>;
}
