/** Time stamps of RTMP run modulo 2^32 milliseconds (49.7 days). */

/**
 * Unwraps them: each is taken as the value nearest to the one before, so that the wrap goes on and a jump back stays a
 * jump back. One unwrapper serves all tracks of a publisher, so that they stay together across the wrap. A jump back
 * below the first value gives negative times.
 */
export class TimestampUnwrapper {
  #last: number | null = null;

  unwrap(timestamp: number): number {
    const last = this.#last ?? timestamp;
    const unwrapped = last + ((timestamp - last) | 0);
    this.#last = unwrapped;
    return unwrapped;
  }
}
