/** Times as people read, hear and write them: to the nearest second. */

const whole = (seconds: number) => (Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : 0);
const two = (part: number) => String(part).padStart(2, "0");

/** `0:07`, `12:34`, `1:02:03`. */
export function clock(seconds: number): string {
  const all = whole(seconds);
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** `1 hour 2 minutes 3 seconds`. */
export function spoken(seconds: number): string {
  const all = whole(seconds);
  const said = [
    [Math.floor(all / 3600), "hour"],
    [Math.floor(all / 60) % 60, "minute"],
    [all % 60, "second"],
  ] as const;
  const parts = said.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return parts.length === 0 ? "0 seconds" : parts.join(" ");
}

const UNITS = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/;

/**
 * Where an address says to begin: `#t=90`, `#t=1m30s`, `#t=1:30`, and `#t=90,120`, whose end is left out. Seconds, or
 * null when it does not say.
 */
export function startOf(hash: string): number | null {
  const value = new URLSearchParams(hash.replace(/^#/, "")).get("t")?.replace(/^npt:/, "").split(",")[0];
  if (!value) return null;
  if (/^\d+(:[0-5]?\d){1,2}(\.\d+)?$/.test(value)) {
    return value.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
  }
  const match = UNITS.exec(value);
  if (!match) return null;
  const [, hours = "0", minutes = "0", seconds = "0"] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
