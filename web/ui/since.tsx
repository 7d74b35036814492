import { useEffect, useState } from "react";

const MINUTE_MS = 60_000;

/** `12 min`, `1 h 05 min`, `3 d`: how long ago `from` was, in ms. */
export function elapsed(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / MINUTE_MS);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  const days = Math.floor(hours / 24);
  return `${days} d`;
}

/** How long since `from` (ISO 8601), kept up to date. */
export function Since({ from }: { from: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS / 6);
    return () => clearInterval(timer);
  }, []);
  const at = Date.parse(from);
  return (
    <time dateTime={new Date(at).toISOString()} title={new Date(at).toLocaleString()}>
      {elapsed(now - at)}
    </time>
  );
}
