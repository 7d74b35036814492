/** The rules of RFC 8216bis for a live playlist over its reloads, as violations in words. Pure: feed it snapshots. */
import type { MediaPlaylist, Part, Segment } from "./m3u8.ts";

const PART_SHARE = 0.85; // 4.4.4.9: a part shorter than 85 % of PART-TARGET must be the last of its segment
const EPSILON = 0.000_6; // durations are written in whole milliseconds

export class PlaylistRules {
  readonly violations: string[] = [];
  private last: MediaPlaylist | undefined;
  private readonly segments = new Map<number, Segment>();
  private readonly parts = new Map<number, Part[]>();

  feed(list: MediaPlaylist): void {
    this.checkAlone(list);
    if (this.last !== undefined) this.checkAgainst(this.last, list);
    for (const segment of list.segments) this.segments.set(segment.msn, segment);
    this.last = list;
  }

  private say(text: string): void {
    if (!this.violations.includes(text)) this.violations.push(text);
  }

  private checkAlone(list: MediaPlaylist): void {
    if (Number.isNaN(list.targetDuration)) this.say("no TARGETDURATION");
    for (const segment of list.segments) {
      const where = `segment ${segment.msn}`;
      if (!(segment.duration > 0)) this.say(`${where}: EXTINF ${segment.duration}`);
      // 4.4.3.1: rounded to the nearest integer, at most the target duration.
      if (Math.round(segment.duration) > list.targetDuration) {
        this.say(`${where}: EXTINF ${segment.duration} exceeds TARGETDURATION ${list.targetDuration}`);
      }
      if (segment.map === null) this.say(`${where}: no EXT-X-MAP`);
      if (segment.programDateTime === null) this.say(`${where}: no PROGRAM-DATE-TIME`);
      this.checkParts(where, segment.parts, list.partTarget, true);
      if (segment.parts.length > 0) {
        const sum = segment.parts.reduce((total, part) => total + part.duration, 0);
        if (Math.abs(sum - segment.duration) > EPSILON * (segment.parts.length + 1)) {
          this.say(`${where}: parts last ${sum.toFixed(3)}, EXTINF says ${segment.duration}`);
        }
      }
    }
    const next = list.mediaSequence + list.segments.length;
    this.checkParts(`segment ${next} (open)`, list.open.parts, list.partTarget, false);
    this.checkPartsGrow(next, list.open.parts);
    for (const segment of list.segments) if (segment.parts.length > 0) this.checkPartsGrow(segment.msn, segment.parts);
    if (list.partTarget !== null) {
      const holdBack = Number(list.serverControl["PART-HOLD-BACK"]);
      if (!(holdBack >= 2 * list.partTarget)) this.say(`PART-HOLD-BACK ${holdBack} for PART-TARGET ${list.partTarget}`);
    }
    const wholeHoldBack = list.serverControl["HOLD-BACK"];
    if (wholeHoldBack !== undefined && Number(wholeHoldBack) < 3 * list.targetDuration) {
      this.say(`HOLD-BACK ${wholeHoldBack} is under three target durations`);
    }
  }

  private checkParts(where: string, parts: Part[], target: number | null, whole: boolean): void {
    if (target === null) {
      if (parts.length > 0) this.say(`${where}: parts without PART-INF`);
      return;
    }
    parts.forEach((part, index) => {
      if (part.duration > target + EPSILON)
        this.say(`${where}: part ${index} lasts ${part.duration}, target ${target}`);
      const last = index === parts.length - 1;
      // The last part of an open segment may turn out to be the last of the segment.
      if (!last && part.duration < PART_SHARE * target - EPSILON) {
        this.say(
          `${where}: part ${index} of ${parts.length} lasts ${part.duration} of ${target}${whole ? "" : " so far"}`,
        );
      }
    });
  }

  /** Parts once announced stay as they were; more may follow. */
  private checkPartsGrow(msn: number, parts: Part[]): void {
    const known = this.parts.get(msn) ?? [];
    known.forEach((part, index) => {
      const now = parts[index];
      if (now === undefined) this.say(`segment ${msn}: part ${index} vanished`);
      else if (now.uri !== part.uri || now.duration !== part.duration || now.independent !== part.independent) {
        this.say(`segment ${msn}: part ${index} changed`);
      }
    });
    if (parts.length >= known.length) this.parts.set(msn, parts);
  }

  private checkAgainst(before: MediaPlaylist, now: MediaPlaylist): void {
    if (now.targetDuration !== before.targetDuration) {
      this.say(`TARGETDURATION went from ${before.targetDuration} to ${now.targetDuration}`);
    }
    if (now.partTarget !== before.partTarget)
      this.say(`PART-TARGET went from ${before.partTarget} to ${now.partTarget}`);
    if (now.independentSegments && !before.independentSegments) this.say("INDEPENDENT-SEGMENTS appeared");
    if (before.ended && !now.ended) this.say("ENDLIST was taken back");
    if (now.mediaSequence < before.mediaSequence) {
      this.say(`MEDIA-SEQUENCE went from ${before.mediaSequence} back to ${now.mediaSequence}`);
    }
    const nextBefore = before.mediaSequence + before.segments.length;
    if (now.mediaSequence + now.segments.length < nextBefore) this.say(`segments after ${nextBefore - 1} vanished`);
    for (const segment of now.segments) {
      const known = this.segments.get(segment.msn);
      if (known === undefined) continue;
      const keys = ["uri", "duration", "discontinuity", "programDateTime", "map"] as const;
      for (const key of keys) {
        if (known[key] !== segment[key])
          this.say(`segment ${segment.msn}: ${key} went from ${known[key]} to ${segment[key]}`);
      }
    }
    // 4.4.3.3: counts the DISCONTINUITY tags that left with their segments.
    let left = 0;
    for (let msn = before.mediaSequence; msn < now.mediaSequence; msn++) {
      const segment = this.segments.get(msn);
      if (segment === undefined) return; // not all of what left was seen
      if (segment.discontinuity) left++;
    }
    const expected = (before.discontinuitySequence ?? 0) + left;
    if ((now.discontinuitySequence ?? 0) !== expected) {
      this.say(`DISCONTINUITY-SEQUENCE is ${now.discontinuitySequence ?? 0}, ${expected} expected`);
    }
  }
}
