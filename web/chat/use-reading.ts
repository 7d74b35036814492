import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import type { Channel } from "./channel.ts";
import type { Line } from "./lines.ts";
import { showRead } from "./queries.ts";
import { useStore } from "./use-channel.ts";

/** Where the reader is: at the end, where everything counts as read while the page is seen, or somewhere above it. */
export function useReading(channel: Channel) {
  const stage = useStore(channel.store, (state) => state.stage);
  const lines = useStore(channel.store, ({ view }) => view.lines);
  /** The newest message when the reader left the end; null: they are there. */
  const [leftAt, setLeftAt] = useState<number | null>(null);
  const queries = useQueryClient();
  const newest = lines.at(-1)?.id ?? 0;

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

  return { unseen: leftAt === null ? null : countedAfter(lines, leftAt), setAtEnd };
}

/** How many of others came after `id`. */
function countedAfter(lines: readonly Line[], id: number): number {
  let count = 0;
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const line = lines[index];
    if (!line || line.id <= id) break;
    if (!line.own) count += 1;
  }
  return count;
}
