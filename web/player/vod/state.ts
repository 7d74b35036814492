/** What the player of recordings shows. One store; the session writes it, controls and screens follow it. */
import type { Gap, Storyboard } from "#contract/vods";
import { type ElementState, initialElementState } from "../state.ts";
import type { Span } from "./timeline.ts";

export type VodPhase =
  /** Nothing is loaded yet: the viewer has not asked for it. */
  "poster" | "loading" | "playing" | "buffering" | "ended" | "error";

export type VodProblem =
  /** It was deleted or made private meanwhile. */
  | "gone"
  /** No answer; tried again by itself. */
  | "unreachable"
  /** The browser plays neither MSE nor HLS. */
  | "unsupported"
  /** The browser gave up on the media several times in a row. */
  | "media";

export type VodState = ElementState & {
  phase: VodPhase;
  problem: VodProblem | null;
  /** Seconds. */
  time: number;
  duration: number;
  buffered: readonly Span[];
  /** 1: as recorded. */
  speed: number;
  /** It went on where the viewer had left off; null once that is no news. */
  resumedAt: number | null;
  /** May come later than the recording. */
  storyboard: Storyboard | null;
  gaps: readonly Gap[];
};

export const initialVodState = (duration: number): VodState => ({
  ...initialElementState(),
  phase: "poster",
  problem: null,
  time: 0,
  duration,
  buffered: [],
  speed: 1,
  resumedAt: null,
  storyboard: null,
  gaps: [],
});
