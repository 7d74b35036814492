/**
 * Moments after which a connection may be gone, or possible again: the tab was asleep or hidden, the network came or
 * went. Returns how to stop listening.
 */
export function wakeUps(listener: () => void): () => void {
  const stop = new AbortController();
  const until = { signal: stop.signal };
  for (const name of ["online", "offline", "pageshow"]) addEventListener(name, listener, until);
  document.addEventListener("resume", listener, until);
  document.addEventListener(
    "visibilitychange",
    () => {
      if (!document.hidden) listener();
    },
    until,
  );
  return () => stop.abort();
}
