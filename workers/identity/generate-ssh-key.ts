/** New SSH key pairs. The private half is nowhere but in what is returned. */
import type { SshKeyType } from "#contract/credentials";
import { fromBase64url } from "#kit/base64url";
import { mpint, type SshFields, type SshKeyPair, toOpenSsh } from "./openssh.ts";

const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 3072,
  publicExponent: new Uint8Array([1, 0, 1]),
};

export async function generateSshKey(type: SshKeyType, comment: string): Promise<SshKeyPair> {
  const algorithm = type === "rsa" ? RSA : { name: "Ed25519" };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("no key pair was made");
  const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
  if (jwk instanceof ArrayBuffer) throw new Error("the key pair was not exported as asked");
  return toOpenSsh(type === "rsa" ? rsaFields(jwk) : ed25519Fields(jwk), comment);
}

function ed25519Fields(jwk: JsonWebKey): SshFields {
  const [pub, seed] = [bytesOf(jwk.x), bytesOf(jwk.d)];
  return { type: "ssh-ed25519", public: [pub], private: [pub, Uint8Array.from([...seed, ...pub])] };
}

function rsaFields(jwk: JsonWebKey): SshFields {
  const number = (text: string | undefined) => mpint(bytesOf(text));
  const [n, e] = [number(jwk.n), number(jwk.e)];
  // The order of the public key is the other way round.
  return { type: "ssh-rsa", public: [e, n], private: [n, e, ...[jwk.d, jwk.qi, jwk.p, jwk.q].map(number)] };
}

function bytesOf(text: string | undefined): Uint8Array {
  const bytes = text === undefined ? null : fromBase64url(text);
  if (!bytes) throw new Error("a key was exported without one of its fields");
  return bytes;
}
