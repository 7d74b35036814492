/** RTMP commands (Adobe RTMP 1.0, section 7.2) as encoders send them. */
import { type AmfObject, type AmfValue, decodeAmf0 } from "./amf0.ts";
import { ProtocolError } from "./chunk.ts";

export type Command = {
  name: string;
  /** 0: no reply is wanted. */
  transaction: number;
  /** The command object, of `connect` alone. */
  object: AmfObject | null;
  /** The first argument behind it. */
  argument: AmfValue;
};

/** Throws `AmfError` or `ProtocolError`. */
export function parseCommand(payload: Buffer): Command {
  const [name, transaction, object, argument] = decodeAmf0(payload);
  if (typeof name !== "string") throw new ProtocolError("a command without a name");
  return {
    name,
    transaction: typeof transaction === "number" && Number.isFinite(transaction) ? transaction : 0,
    object: typeof object === "object" && !Array.isArray(object) ? object : null,
    argument,
  };
}

const APP = "live";
const MAX_APP = 256;

/** `live`, `live/`, `live/instance`, each maybe with a query: without the trimmings. Null for anything else. */
export function tidyApp(app: AmfValue): string | null {
  if (typeof app !== "string") return null;
  const tidy = (app.split("?", 1)[0] ?? "").replace(/^\/+|\/+$/g, "");
  if (tidy.length > MAX_APP || tidy.split("/", 1)[0] !== APP) return null;
  return tidy;
}

/** The key of a publish name: `key` or `key?query`, spaces of copy and paste cut off. Empty if there is none. */
export function streamKey(name: AmfValue): string {
  return typeof name === "string" ? (name.split("?", 1)[0] ?? "").trim() : "";
}
