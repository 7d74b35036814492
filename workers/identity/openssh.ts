/**
 * OpenSSH's formats of a key pair: the line of `authorized_keys`, the fingerprint that `ssh-keygen -l` shows, and the
 * private key file (`PROTOCOL.key` of OpenSSH), which is not encrypted.
 */
const encoder = new TextEncoder();
const MAGIC = encoder.encode("openssh-key-v1\0");
/** Of a file without a cipher: what is private fills whole blocks. */
const BLOCK_BYTES = 8;
/** Base64 characters in a line, as `ssh-keygen` writes them. */
const LINE = 70;

export type SshKeyPair = {
  /** `<type> <base64> <comment>`, without an end of line. */
  public_key: string;
  private_key: string;
  /** `SHA256:` and base64 without padding. */
  fingerprint: string;
};

/** What the wire knows of a key: its public and its private fields, each with the name of its type first. */
export type SshFields = { type: "ssh-ed25519" | "ssh-rsa"; public: Uint8Array[]; private: Uint8Array[] };

/** `comment`: printable, and without what ends a line. */
export async function toOpenSsh({ type, ...fields }: SshFields, comment: string): Promise<SshKeyPair> {
  const name = encoder.encode(type);
  const blob = joined([name, ...fields.public].map(string));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  // Whoever decrypts a file sees by the two being equal that the passphrase was right.
  const check = crypto.getRandomValues(new Uint8Array(4));
  const secret = joined([check, check, ...[name, ...fields.private, encoder.encode(comment)].map(string)]);
  const none = encoder.encode("none");
  const file = joined([
    MAGIC,
    ...[none, none, new Uint8Array()].map(string),
    uint32(1),
    string(blob),
    string(padded(secret)),
  ]);
  const lines = base64(file).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return {
    public_key: `${type} ${base64(blob)} ${comment}`,
    private_key: ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n"),
    fingerprint: `SHA256:${base64(digest).replace(/=+$/, "")}`,
  };
}

/** A number without a sign, big-endian, as the wire has it: without leading zeros, and never to be taken for negative. */
export function mpint(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first < 0) return new Uint8Array();
  const digits = bytes.subarray(first);
  return (digits[0] ?? 0) < 0x80 ? digits : joined([new Uint8Array(1), digits]);
}

/** 1, 2, 3 and so on, up to a whole block. */
function padded(bytes: Uint8Array): Uint8Array {
  const missing = (BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES;
  return joined([bytes, Uint8Array.from({ length: missing }, (_, at) => at + 1)]);
}

const string = (bytes: Uint8Array): Uint8Array => joined([uint32(bytes.length), bytes]);

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
