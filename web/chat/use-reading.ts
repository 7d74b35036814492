import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import type { Channel } from "./channel.ts";
import { showRead } from "./queries.ts";
import { useStore } from "./use-channel.ts";

/** Where the reader is: at the end, where everything counts as read while the page is seen, or somewhere above it. */
export function useReading(channel: Channel) {
  const { view, stage } = useStore(channel.store);
  /** The newest message when the reader left the end; null: they are there. */
  const [leftAt, setLeftAt] = useState<number | null>(null);
  const queries = useQueryClient();
  const newest = view.lines.at(-1)?.id ?? 0;

  const setAtEnd = useCallback(
    (isAtEnd: boolean) => {
      setLeftAt(isAtEnd ? null : (channel.store.get().view.lines.at(-1)?.id ?? 0));
      channel.setReadsBack(!isAtEnd);
    },
    [channel],
  );
  useEffect(() => {
    if (leftAt !== null || stage !== "live" || newest === 0) return;
    const read = () => {
      if (document.hidden) return;
      channel.markRead();
      showRead(queries, channel.id);
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [channel, queries, leftAt, stage, newest]);

  const unseen = leftAt === null ? null : view.lines.filter(({ id, own }) => id > leftAt && !own).length;
  return { unseen, isAtEnd: leftAt === null, setAtEnd };
}
