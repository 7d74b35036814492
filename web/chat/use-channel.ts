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

/** A part of a store that is the same until it changes. */
export const useStore = <State, Part>(store: Store<State>, part: (state: State) => Part): Part =>
  useSyncExternalStore(store.subscribe, () => part(store.get()));

/** Is in the channel as long as it is mounted. `user`: null for a guest. */
export function useChannel(user: number | null, id: number): { chat: Chat; channel: Channel } {
  const chat = chatOf(user);
  const channel = chat.channel(id);
  useEffect(() => chat.enter(channel), [chat, channel]);
  return { chat, channel };
}

/** What is in the channel and on its way to it. */
export function useShown(chat: Chat, channel: Channel): readonly Shown[] {
  const lines = useStore(channel.store, ({ view }) => view.lines);
  const entries = useStore(channel.store, (state) => state.entries);
  const user = useStore(chat.store, (state) => state.user);
  return useMemo(() => shownLines(lines, entries, user ?? null), [lines, entries, user]);
}
