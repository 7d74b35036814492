/**
 * A message id carries the number of its room, so it can be routed without a look-up: `room * 2^28 + seq`. Up to 2^53,
 * where bit operators do not reach: arithmetic only.
 */
const SEQS = 2 ** 28;
export const SEQ_MAX = SEQS - 1;

export const messageId = (room: number, seq: number): number => room * SEQS + seq;

export const roomOf = (id: number): number => Math.floor(id / SEQS);

export const seqOf = (id: number): number => id % SEQS;
