/** Reads bits, most significant first. Past the end it reads zeros and says so: the caller checks `overrun` once. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get overrun(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  /** `count` ≤ 32. */
  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Unsigned Exp-Golomb (ITU-T H.264 section 9.1). A run of more than 31 zeros is taken as an overrun. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      if (++zeros > 31 || this.overrun) {
        this.#at = this.#bytes.length * 8 + 1;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.read(zeros);
  }

  /** Signed Exp-Golomb. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
