/** Chat in React: the channel that a page looks at, and what is known of it. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Store } from "../player/store.ts";
import type { Channel } from "./channel.ts";
import { Chat } from "./chat.ts";
import { type Shown, shownLines } from "./shown.ts";

/** Of the user who is signed in now. Another one must see nothing of it. */
let present: { user: number | null; chat: Chat } | null = null;

function chatOf(user: number | null): Chat {
  if (present?.user !== user) present = { user, chat: new Chat() };
  return present.chat;
}

export const useStore = <State>(store: Store<State>): State => useSyncExternalStore(store.subscribe, store.get);

/** Is in the channel as long as it is mounted. `user`: null for a guest. */
export function useChannel(user: number | null, id: number): { chat: Chat; channel: Channel } {
  const chat = chatOf(user);
  const channel = chat.channel(id);
  useEffect(() => chat.enter(channel), [chat, channel]);
  return { chat, channel };
}

/** What is in the channel and on its way to it. */
export function useShown(chat: Chat, channel: Channel): readonly Shown[] {
  const { view, entries } = useStore(channel.store);
  const { user } = useStore(chat.store);
  const { lines } = view;
  return useMemo(() => shownLines(lines, entries, user ?? null), [lines, entries, user]);
}
