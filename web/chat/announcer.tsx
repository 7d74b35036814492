import { VisuallyHidden } from "@mantine/core";
import { useEffect, useState } from "react";
import type { Channel, ChannelState } from "./channel.ts";
import { NOT_DONE } from "./entry-states.tsx";
import { useStore } from "./use-channel.ts";
import { nameOf, newsWords } from "./words.ts";

const EVERY_MS = 2_000;

/**
 * Tells screen readers what others wrote: each message, or their number when they are many. What was missed while there
 * was no connection is there to be read.
 */
export function Announcer({ channel, isLive }: { channel: Channel; isLive: boolean }) {
  const [words, setWords] = useState("");
  useEffect(() => {
    if (!isLive) return;
    const lines = () => channel.store.get().view.lines;
    let told = lines().at(-1)?.id ?? 0;
    const timer = setInterval(() => {
      const newest = lines().at(-1)?.id ?? 0;
      if (newest <= told) return;
      const news = lines().filter(({ id, own }) => id > told && !own);
      told = newest;
      const next = newsWords(news.map((line) => ({ author: nameOf(line), text: line.message })));
      // The same again would be no change, and not be told.
      setWords((before) => (before === next && next !== "" ? `${next}\u00a0` : next));
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [channel, isLive]);
  return (
    <VisuallyHidden role="status" aria-live="polite">
      {words}
    </VisuallyHidden>
  );
}

/** Tells them that something one did came to nothing: where it says so is not where the focus is. */
export function FailureAnnouncer({ channel }: { channel: Channel }) {
  const words = useStore(channel.store, failureWords);
  return <VisuallyHidden role="status">{words}</VisuallyHidden>;
}

function failureWords({ entries }: ChannelState): string {
  const last = entries.findLast(({ state }) => state === "failed");
  return last ? `${NOT_DONE[last.action.kind]}. ${last.problem}` : "";
}
