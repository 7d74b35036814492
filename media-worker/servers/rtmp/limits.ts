/** What one RTMP connection, and all together, may cost. */
export type RtmpLimits = {
  maxConnections: number;
  /** Connections of one address that are not let in yet. */
  maxUnauthorisedPerIp: number;
  /** Since the connection was accepted. */
  handshakeMs: number;
  publishMs: number;
  /** How long the control plane may take. */
  authoriseMs: number;
  /** A publisher that sends nothing at all. */
  idleMs: number;
  /** How long a closed connection may take to read what it was told. */
  lingerMs: number;
  /** Bytes held before a publisher is let in: by one connection, by all together. */
  heldBefore: number;
  heldBeforeTotal: number;
  /** Bytes held by a publisher's connection. */
  held: number;
  /** The longest video message, and the longest of any other type. */
  videoMessage: number;
  otherMessage: number;
};

export const RTMP_LIMITS: RtmpLimits = {
  maxConnections: 500,
  maxUnauthorisedPerIp: 50,
  handshakeMs: 5_000,
  publishMs: 10_000,
  authoriseMs: 10_000,
  idleMs: 15_000,
  lingerMs: 2_000,
  heldBefore: 64 * 1024,
  heldBeforeTotal: 32 * 1024 * 1024,
  held: 16_000_000,
  videoMessage: 8_000_000,
  otherMessage: 256 * 1024,
};
