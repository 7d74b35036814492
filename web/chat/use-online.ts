import { useSyncExternalStore } from "react";

function subscribe(changed: () => void): () => void {
  const stop = new AbortController();
  for (const name of ["online", "offline"]) addEventListener(name, changed, { signal: stop.signal });
  return () => stop.abort();
}

/** As the browser has it, which is often wrong about being online. */
export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => navigator.onLine);
