import { useEffect, useState } from "react";
import { asFailure } from "../api/failure.ts";

/** Seconds until the server takes another attempt, counting down. */
export function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const failure = error ? asFailure(error) : null;
    if (failure?.status !== 429) return setLeft(0);
    const until = Date.now() + (failure.retryAfterSeconds ?? 60) * 1000;
    const tick = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
