/** What a gap in a recording was, in words. */
import type { Gap } from "#contract/vods";
import { clock, spoken } from "./clock.ts";

const CAUSES: Record<Gap["cause"], string> = {
  publisher_away: "the publisher was away",
  worker_away: "the media worker was away",
  spool_full: "no room was left for the recording",
  disk: "the disk failed or was full",
  upload_lost: "what was recorded there was lost",
};

const length = ({ duration }: Gap) => (duration < 1 ? "less than a second" : spoken(duration));

/** `12 seconds are missing: the publisher was away`. */
export function gapWords(gap: Gap): string {
  const one = gap.duration < 2;
  return `${length(gap)} ${one ? "is" : "are"} missing: ${CAUSES[gap.cause]}`;
}

/** For those who do not see the marks. */
export const gapList = (gaps: readonly Gap[]): string =>
  gaps.map((gap) => `At ${clock(gap.at)}, ${gapWords(gap)}.`).join(" ");
