/** Names of publish sessions. Short, because an epoch is in the name of every segment; no `-`, which ends it there. */

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Seconds of the clock and 31 random bits, in base 36: sorts by time. */
function stamp(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(6));
  return Math.floor(now / 1000).toString(36) + Array.from(random, (byte) => digits[byte % 36]).join("");
}

/** Unique per publish session of a stream, e.g. `tm0w1k3f9a0q`. */
export const newEpoch = (now: number): string => stamp(now);
/** The live session, which outlives reconnects inside the grace. */
export const newSession = (now: number): string => `s${stamp(now)}`;
export const newJobId = (): string => `job_${crypto.randomUUID()}`;
/** Fences one attempt of a job; unguessable. */
export const newLease = (): string => crypto.randomUUID();
