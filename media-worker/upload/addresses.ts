/** Where the slices of one part may be put: signed by the control plane in batches, each good for an hour. */
import type { SignReply } from "#contract/recording";

/** One that ends within this is not begun with. */
const MARGIN_MS = 60_000;

type Signed = Pick<Extract<SignReply, { keep: true }>, "urls" | "expires_at">;

export class Addresses {
  readonly #sign: (from: number, count: number) => Promise<Signed>;
  readonly #now: () => number;
  readonly #known = new Map<number, { url: string; expires_at: number }>();

  /** `now`: UTC ms. */
  constructor(sign: (from: number, count: number) => Promise<Signed>, now: () => number) {
    this.#sign = sign;
    this.#now = now;
  }

  /** Of slice `n`; when it is not known, so are those of the slices after it, up to `count` in all. */
  async of(n: number, count: number): Promise<string> {
    const known = this.#known.get(n);
    if (known && known.expires_at - MARGIN_MS > this.#now()) return known.url;
    const { urls, expires_at } = await this.#sign(n, count);
    for (const { n: each, url } of urls) this.#known.set(each, { url, expires_at });
    // Taken as it is, even where our clock says that it is over: S3 goes by another one.
    const signed = this.#known.get(n);
    if (!signed) throw new Error(`no address was signed for slice ${n}`);
    return signed.url;
  }

  /** It is not needed any more. */
  used(n: number): void {
    this.#known.delete(n);
  }

  /** S3 refuses them. */
  forget(): void {
    this.#known.clear();
  }
}
