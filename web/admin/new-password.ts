/** 32 characters that nobody takes for another one. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH = 16;
const GROUP = 4;

/** A password to pass on, of 80 random bits: `k7dm-x2vq-9fpt-a4hw`. */
export function newPassword(): string {
  // 32 divides 256: every character is equally likely.
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  const text = Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
  return (text.match(new RegExp(`.{${GROUP}}`, "g")) ?? []).join("-");
}
