import { useEffect } from "react";
import { toast } from "../ui/toasts.tsx";
import type { Channel } from "./channel.ts";
import { NOT_DONE } from "./entry-states.tsx";
import { indexOf } from "./lines.ts";
import { useStore } from "./use-channel.ts";

/** What failed at a message that is not there any more can be shown nowhere else. */
export function useLostFailures(channel: Channel): void {
  const entries = useStore(channel.store, (state) => state.entries);
  useEffect(() => {
    const { lines } = channel.store.get().view;
    for (const { nonce, action, state, problem } of entries) {
      if (state !== "failed" || action.kind === "message" || indexOf(lines, action.message_id) !== -1) continue;
      toast(`${NOT_DONE[action.kind]}. ${problem}`);
      channel.discard(nonce);
    }
  }, [channel, entries]);
}
