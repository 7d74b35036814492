import { type RefObject, useCallback } from "react";
import { HISTORY_MAX } from "#contract/chat";
import { toast } from "../ui/toasts.tsx";
import type { Channel } from "./channel.ts";
import type { MessageListHandle } from "./message-list.tsx";

const MOST_PAGES = 30;

const drawn = () => new Promise((resolve) => setTimeout(resolve));

/** Shows a message; an older one is loaded first, with all that came after it. */
export function useJump(channel: Channel, list: RefObject<MessageListHandle | null>) {
  return useCallback(
    async (id: number) => {
      const { readsBack } = channel;
      // What is loaded must stay until it is shown.
      channel.setReadsBack(true);
      const isThere = await load(channel, id);
      await drawn();
      if (isThere && list.current?.find(id)) return;
      toast(isThere ? "That message is gone" : "That message is too far back");
      channel.setReadsBack(readsBack);
    },
    [channel, list],
  );
}

/** False: it may be there, but is not loaded. */
async function load(channel: Channel, id: number): Promise<boolean> {
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { lines, hasMore } = channel.store.get().view;
    const oldest = lines[0]?.id;
    if (oldest === undefined || oldest <= id || !hasMore) return true;
    await channel.loadOlder(HISTORY_MAX);
    if (channel.store.get().view.lines[0]?.id === oldest) return false;
  }
  return false;
}
