/** Codec parameters that cannot be used. `malformed`: they break their own syntax; `unsupported`: no player takes them. */
export class CodecError extends Error {
  override name = "CodecError";
  readonly reason: "malformed" | "unsupported";

  constructor(reason: "malformed" | "unsupported", message: string) {
    super(message);
    this.reason = reason;
  }
}
