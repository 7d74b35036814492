/** The hub's outgoing seam: who takes media out of a stream (packager, recorder, WHEP, …) implements `StreamReader`. */
import type { EndReason, PublishGrant } from "#contract/media";
import type { Tracks } from "./tracks.ts";

/** One access unit on its timeline. Times in ticks of the track's timescale. */
export type TimedUnit =
  | { kind: "video"; time: number; cts: number; key: boolean; data: Buffer }
  | { kind: "audio"; time: number; duration: number; data: Buffer };

export interface StreamReader {
  /** A publish session brings media for the first time; a `timeline` follows at once. */
  session(grant: PublishGrant): void;
  /**
   * A new timeline begins: other tracks, other codec parameters, or a clock unrelated to the one before. With video,
   * the first unit is an IDR picture. `at`: UTC ms at which its first unit came in.
   */
  timeline(tracks: Tracks, at: number): void;
  /** `data` may be a view of a larger buffer; whoever keeps it for long copies it. */
  unit(unit: TimedUnit): void;
  /** The publish session is over: what is held back goes out now. */
  end(reason: EndReason): void;
}
