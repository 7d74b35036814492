import { ABANDONED_MS } from "#contract/recording";

/** How long the uploader waits for what, in milliseconds. */
export type UploadTiming = {
  /** Waits after failures double from the first to the most, with jitter, for ever. */
  retry: { first: number; most: number };
  /** What a part that grows is said to have come to, at least so often. */
  progress: number;
  /** The spool is looked at, whether or not the live process said something. */
  scan: number;
  /** Without a byte moving, an upload is dead. */
  stall: number;
  /** An answer of the control plane. */
  answer: number;
  /** Its answer to `complete`: S3 may take long to join thousands of slices. */
  complete: number;
  /**
   * A part that the control plane has for another worker's is given up: it was completed without its end, because
   * nobody was heard of it for so long.
   */
  disowned: number;
};

export const UPLOAD_TIMING: UploadTiming = {
  retry: { first: 250, most: 30_000 },
  progress: 30_000,
  scan: 5_000,
  stall: 30_000,
  answer: 10_000,
  complete: 120_000,
  disowned: ABANDONED_MS + 600_000,
};
