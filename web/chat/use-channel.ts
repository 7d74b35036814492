/** Chat in React: the channel that a page looks at, and what is known of it. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Store } from "../player/store.ts";
import type { Channel } from "./channel.ts";
import { Chat } from "./chat.ts";
import { type Shown, shownLines } from "./shown.ts";

/** Of who is signed in or was: what they wrote is there when they come back. Another one must see nothing of it. */
let own: { user: number; chat: Chat } | null = null;
let ofGuests: Chat | null = null;

function chatOf(user: number | null): Chat {
  if (user === null) {
    ofGuests ??= new Chat();
    return ofGuests;
  }
  if (own?.user !== user) own = { user, chat: new Chat() };
  return own.chat;
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
