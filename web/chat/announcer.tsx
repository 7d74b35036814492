import { VisuallyHidden } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { Line } from "./lines.ts";
import { nameOf, newsWords } from "./words.ts";

const EVERY_MS = 2_000;

/** Tells screen readers what others wrote: each message, or their number when they are many. */
export function Announcer({ lines, isLive }: { lines: readonly Line[]; isLive: boolean }) {
  const [words, setWords] = useState("");
  const told = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(lines);
  latest.current = lines;
  const newest = lines.at(-1)?.id ?? 0;

  useEffect(() => {
    if (!isLive) {
      // What was missed meanwhile is there to be read.
      told.current = Number.POSITIVE_INFINITY;
      return;
    }
    if (told.current === Number.POSITIVE_INFINITY || told.current === 0) told.current = newest;
    if (newest <= told.current || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      const news = latest.current.filter(({ id, own }) => id > told.current && !own);
      told.current = Math.max(told.current, latest.current.at(-1)?.id ?? 0);
      setWords(newsWords(news.map((line) => ({ author: nameOf(line), text: line.message }))));
    }, EVERY_MS);
  }, [newest, isLive]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );

  return (
    <VisuallyHidden role="status" aria-live="polite">
      {words}
    </VisuallyHidden>
  );
}
