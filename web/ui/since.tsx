import { useEffect, useState } from "react";
import { elapsed } from "./elapsed.ts";

const REFRESH_MS = 10_000;

/** How long since `from` (ISO 8601), kept up to date. */
export function Since({ from }: { from: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const at = Date.parse(from);
  return (
    <time dateTime={new Date(at).toISOString()} title={new Date(at).toLocaleString()}>
      {elapsed(now - at)}
    </time>
  );
}
