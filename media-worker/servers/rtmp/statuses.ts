/** What an encoder is told when it is not let in, or when its session ends: `onStatus` information objects. */
import type { EndReason, RefuseReason } from "#contract/media";

export type Status = { level: "status" | "error"; code: string; description: string };

/** Codes for refusals; the description is the control plane's message. */
export const REFUSED = {
  unknown_key: "NetStream.Publish.BadName",
  not_allowed: "NetStream.Publish.Denied",
  busy: "NetStream.Publish.BadName",
  too_many_takeovers: "NetStream.Publish.BadName",
  overloaded: "NetStream.Failed",
  unavailable: "NetStream.Failed",
} as const satisfies Record<RefuseReason, string>;

/** Null: nobody is there to be told, or what they speak is not RTMP. */
export const ENDED = {
  finished: { level: "status", code: "NetStream.Unpublish.Success", description: "The stream has ended." },
  disconnected: null,
  stalled: { level: "error", code: "NetStream.Unpublish.Success", description: "No media came for 15 seconds." },
  taken_over: {
    level: "error",
    code: "NetStream.Publish.BadName",
    description: "taken over: another encoder publishes with this stream key",
  },
  stopped: {
    level: "error",
    code: "NetConnection.Connect.Closed",
    description: "The stream was stopped: it was deleted, or its key was changed.",
  },
  unsupported: {
    level: "error",
    code: "NetStream.Publish.Rejected",
    description: "The encoder's settings are not supported: send H.264 video and AAC audio.",
  },
  protocol_error: null,
  too_slow: {
    level: "error",
    code: "NetConnection.Connect.Closed",
    description: "The server could not keep up with this stream: lower its bit rate.",
  },
  worker_stopped: {
    level: "error",
    code: "NetConnection.Connect.AppShutdown",
    description: "This server is being restarted: connect again.",
  },
} as const satisfies Record<EndReason, Status | null>;

const error = (code: string, description: string): Status => ({ level: "error", code, description });

/** What we refuse without asking anybody. */
export const MISTAKES = {
  noObject: error("NetConnection.Connect.Rejected", `"connect" came without its object.`),
  unknownApp: error("NetConnection.Connect.InvalidApp", "There is no such application: use rtmp://…/live."),
  noKey: error(
    "NetStream.Publish.BadName",
    "There is no stream key: put it into the encoder's key field, behind a server address that ends in /live.",
  ),
  longKey: error("NetStream.Publish.BadName", "The stream key is too long."),
  publishing: error("NetStream.Publish.BadName", "This connection publishes already."),
  play: error("NetStream.Play.Failed", "This server only takes streams in; they are watched by HLS."),
  unknownCommand: error("NetConnection.Call.Failed", "This server does not know the command."),
  noAnswer: error(REFUSED.unavailable, "The server cannot check stream keys now: try again."),
  failed: error("NetStream.Failed", "The server failed: try again."),
} as const;

const TAKEN = { video: "H.264", audio: "AAC" } as const;

/** A codec we do not take, and what to change. */
export function unsupportedCodec(kind: "video" | "audio", codec: string): Status {
  const description = `${codec} ${kind} is not supported: set the encoder's ${kind} codec to ${TAKEN[kind]}.`;
  return error("NetStream.Publish.Rejected", description);
}
