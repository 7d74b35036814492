/** What can be done with a message, as the list offers it. */
import { createContext, use } from "react";
import { EDIT_WINDOW_MS } from "#contract/chat";
import type { Line } from "./lines.ts";

export type Deeds = {
  reply(line: Line): void;
  edit(line: Line): void;
  react(line: Line, emoji: string): void;
  setPinned(line: Line, pinned: boolean): void;
  /** Asks first. */
  remove(line: Line): void;
  copy(line: Line): void;
  /** To a message, wherever it is. */
  jump(id: number): void;
  retry(nonce: string): void;
  discard(nonce: string): void;
};

export type Rights = { canSend: boolean; canModerate: boolean };

const DeedsContext = createContext<Deeds | null>(null);
export const DeedsProvider = DeedsContext.Provider;

export function useDeeds(): Deeds {
  const deeds = use(DeedsContext);
  if (!deeds) throw new Error("a message outside its panel");
  return deeds;
}

export type Deed = "reply" | "react" | "copy" | "edit" | "pin" | "unpin" | "delete";

export const mayEdit = (line: Line, now: number): boolean =>
  line.own && now - Date.parse(line.created_at) < EDIT_WINDOW_MS;

/** In the order in which they are offered. The server decides anyway. */
export function deedsFor(line: Line, { canSend, canModerate }: Rights, now: number): Deed[] {
  return [
    ...(canSend ? (["reply", "react"] as const) : []),
    "copy",
    ...(canSend && mayEdit(line, now) ? (["edit"] as const) : []),
    ...(canModerate ? [line.pinned ? ("unpin" as const) : ("pin" as const)] : []),
    ...(line.own || canModerate ? (["delete"] as const) : []),
  ];
}
