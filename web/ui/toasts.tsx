import { CloseButton } from "@mantine/core";
import { useEffect, useSyncExternalStore } from "react";
import classes from "./toasts.module.css";

type Toast = { id: number; text: string };

const SHOWN_MS = 5_000;
const MOST = 3;

let toasts: readonly Toast[] = [];
let count = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

/** A short word on what came of something that leaves nothing to look at: shown for a few seconds and said to screen readers. */
export function toast(text: string): void {
  count += 1;
  change([...toasts, { id: count, text }].slice(-MOST));
}

const dismiss = (id: number) => change(toasts.filter((each) => each.id !== id));
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={classes.toasts} role="status" aria-live="polite">
      {shown.map((each) => (
        <Shown key={each.id} {...each} />
      ))}
    </div>
  );
}

function Shown({ id, text }: Toast) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id]);
  return (
    <div className={classes.toast}>
      {text}
      <CloseButton size="md" variant="transparent" c="inherit" aria-label="Dismiss" onClick={() => dismiss(id)} />
    </div>
  );
}
