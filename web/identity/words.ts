/** What is said of accounts and sessions. Pure. */
export const USERNAME_RULE = "3 to 30 letters, digits, _ or -. It stays as it is.";
export const PASSWORD_RULE = "At least 8 characters. A few words are better than one.";

/** How long until something is allowed again: `40 s`, `12 min`, `24 h`. Rounded up, so that it is true. */
export function waitWords(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
