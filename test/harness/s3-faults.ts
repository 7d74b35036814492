/** What goes wrong at the S3 of the tests: faults that match requests, and a line that is slow. */

export type S3Operation =
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListMultipartUploads"
  | "ListObjectsV2"
  | "HeadBucket"
  | "HeadObject"
  | "GetObject"
  | "PutObject"
  | "DeleteObject"
  | "DeleteObjects"
  | "GetBucketCors"
  | "PutBucketCors"
  | "DeleteBucketCors"
  | "GetBucketLifecycleConfiguration"
  | "PutBucketLifecycleConfiguration"
  | "Preflight"
  | "Unknown";

export type Effect =
  /** The answer. `done`: after the request was carried out, otherwise instead. */
  | { status: number; code: string; done?: boolean }
  /** The connection is cut in mid-body (of the request, or of the answer to a GET), or before the answer to what was done. */
  | { cut: "body" | "answer" };

export type Fault = {
  /** Any when absent. */
  operation?: S3Operation;
  key?: string;
  /** How many requests it meets. */
  times: number;
  effect: Effect;
};

export class Faults {
  readonly #faults: Fault[] = [];

  add(fault: Fault): void {
    this.#faults.push({ ...fault });
  }

  clear(): void {
    this.#faults.length = 0;
  }

  /** The effect on this request, which is thereby used up. */
  take(operation: S3Operation, key: string): Effect | null {
    const index = this.#faults.findIndex(
      (fault) => (fault.operation ?? operation) === operation && (fault.key ?? key) === key,
    );
    const fault = this.#faults[index];
    if (!fault) return null;
    fault.times -= 1;
    if (fault.times <= 0) this.#faults.splice(index, 1);
    return fault.effect;
  }
}

const TICK_MS = 50;

/** A line that all connections share. */
export class Line {
  #bytesPerSecond: number | null = null;
  #turn: Promise<void> = Promise.resolve();
  /** When all that was let in has gone through. */
  #busyUntil = 0;

  /** Null: as fast as it goes. A change takes effect at once. */
  get bytesPerSecond(): number | null {
    return this.#bytesPerSecond;
  }
  set bytesPerSecond(rate: number | null) {
    this.#bytesPerSecond = rate;
    this.#busyUntil = 0;
  }

  /** Resolves when so many more bytes have gone through. */
  pass(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === null) return Promise.resolve();
    this.#turn = this.#turn.then(() => this.#wait(bytes));
    return this.#turn;
  }

  async #wait(bytes: number): Promise<void> {
    const rate = this.#bytesPerSecond;
    if (rate === null) return;
    this.#busyUntil = Math.max(this.#busyUntil, performance.now()) + (bytes * 1000) / rate;
    while (this.#busyUntil - performance.now() > TICK_MS) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}
