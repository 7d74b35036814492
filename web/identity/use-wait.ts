import { useLayoutEffect, useState } from "react";
import { type ApiFailure, asFailure } from "../api/failure.ts";

/** Seconds until another attempt is taken, as the server says. */
export const waitOf = ({ status, retryAfterSeconds = 60 }: ApiFailure): number =>
  status === 429 ? retryAfterSeconds : 0;

/** The same, counting down. */
export function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  // Before anything is painted: nobody is told that they may try again now.
  useLayoutEffect(() => {
    const wait = error ? waitOf(asFailure(error)) : 0;
    if (wait === 0) return setLeft(0);
    const until = Date.now() + wait * 1000;
    const tick = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
