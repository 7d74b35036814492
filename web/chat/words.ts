/** Names, days and times as the chat writes them. Pure. */
import type { ChatProfile } from "#contract/chat";

export const nameOf = ({ nickname, username }: Pick<ChatProfile, "nickname" | "username">): string =>
  nickname || username;

const TIME: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };
export const timeOf = (at: Date): string => at.toLocaleTimeString(undefined, TIME);

const DAY_MS = 24 * 3_600_000;
export const midnightOf = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

/** `Today`, `Yesterday`, `Friday, November 20`; with the year when it is not this one. */
export function dayOf(at: Date, now: Date): string {
  // Days are 23 or 25 hours long twice a year.
  const days = Math.round((midnightOf(now) - midnightOf(at)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = at.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  return at.toLocaleDateString(undefined, { weekday: "long", month: "long", day: "numeric", ...year });
}

/** `Ada is typing`, `Ada and Bob are typing`, `Several people are typing`. */
export function typingWords(names: readonly string[]): string {
  const [first, second, ...rest] = names;
  if (first === undefined) return "";
  if (second === undefined) return `${first} is typing`;
  return rest.length === 0 ? `${first} and ${second} are typing` : "Several people are typing";
}

/** `12 s`, `2:05`, `1:02:05`. */
export function countdown(seconds: number): string {
  const all = Math.max(0, Math.ceil(seconds));
  if (all < 60) return `${all} s`;
  const two = (part: number) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** What a slow mode of so many seconds is called. */
export function pauseWords(seconds: number): string {
  if (seconds === 0) return "Off";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** Told to a screen reader at once of what came lately: what one wrote, or of many how many. */
export function newsWords(news: readonly { author: string; text: string }[]): string {
  const [first, ...rest] = news;
  if (first === undefined) return "";
  return rest.length === 0 ? `${first.author}: ${first.text}` : `${news.length} new messages`;
}

const INITIALS = 2;

/** `AL` of Ada Lovelace, `AD` of ada. */
export function initialsOf(name: string): string {
  const parts = name.split(/[\s_-]+/).filter(Boolean);
  const letters = parts.length > 1 ? parts.map((part) => [...part][0]) : [...name];
  return letters.slice(0, INITIALS).join("").toLocaleUpperCase();
}

const GOLDEN_ANGLE = 137.508;

/** A colour's angle that is always the same for the same person, and far from that of most others. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return Math.round((hash * GOLDEN_ANGLE) % 360);
}
