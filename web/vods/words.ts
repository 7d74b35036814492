/** What a recording is, in words: its state, its length, its size, who may see it. */
import type { Visibility, Vod, VodStatus } from "#contract/vods";

export const STATUS_LABELS: Record<VodStatus, string> = {
  recording: "Recording",
  processing: "Processing",
  ready: "Ready",
  truncated: "Cut short",
  failed: "Failed",
};

export const VISIBILITIES: Record<Visibility, { label: string; explained: string }> = {
  public: { label: "Public", explained: "Listed with its stream; anybody may watch it." },
  unlisted: { label: "Unlisted", explained: "Anybody who has the link may watch it." },
  private: { label: "Private", explained: "For you alone." },
};

type Known = Pick<Vod, "status" | "playback_url"> & { error?: string | undefined };

/** What there is to say about the state beyond its name; null when nothing. */
export function statusExplained({ status, error, playback_url }: Known): string | null {
  switch (status) {
    case "recording":
      return playback_url === null
        ? "The broadcast is going on. It can be watched here a few seconds after its end."
        : "The broadcast is going on. What came before its last interruption plays already.";
    case "processing":
      return playback_url === null
        ? "The last pictures are on their way to storage. This takes a few seconds, longer while storage is away."
        : "More of it is on its way to storage. What is there plays already.";
    case "ready":
      return null;
    case "truncated":
      return `${error ?? "A part of it never reached the storage"}. The rest plays.`;
    case "failed":
      return error ?? "Nothing of it reached the storage.";
  }
}

/** What stands where the picture will be while there is nothing to play. */
export function pendingWords(vod: Known): { title: string; text: string } {
  const text = statusExplained({ ...vod, playback_url: null }) ?? "It will be here in a moment.";
  switch (vod.status) {
    case "recording":
      return { title: "This is being recorded right now", text };
    case "failed":
      return { title: "This recording failed", text };
    case "processing":
    case "ready":
    case "truncated":
      return { title: "The recording is being finished", text };
  }
}

/** It changes by itself: worth asking again soon. */
export const isMoving = ({ status }: Pick<Vod, "status">): boolean => status === "recording" || status === "processing";

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `812 kB`, `3.4 GB`. */
export function size(bytes: number): string {
  let unit = 0;
  let value = Math.max(0, bytes);
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `1280 × 720`, or `Audio only`. */
export const picture = ({ width, height }: { width: number | null; height: number | null }): string =>
  width && height ? `${width} × ${height}` : "Audio only";
