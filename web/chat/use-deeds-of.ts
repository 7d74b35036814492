import { useMemo } from "react";
import { copyAloud } from "../ui/copy.tsx";
import type { Channel } from "./channel.ts";
import type { Writing } from "./composer.tsx";
import type { Deeds } from "./deeds.ts";
import type { Line } from "./lines.ts";

type Ways = { jump(id: number): void; write(writing: Writing): void; askDelete(line: Line): void };

/** Stays the same as long as the channel does. */
export function useDeedsOf(channel: Channel, { jump, write, askDelete }: Ways): Deeds {
  return useMemo(
    () => ({
      reply: (line) => write({ kind: "reply", line }),
      edit: (line) => write({ kind: "edit", line }),
      react: (line, emoji) => channel.act({ kind: "react", message_id: line.id, emoji }),
      setPinned: (line, pinned) => channel.act({ kind: pinned ? "pin" : "unpin", message_id: line.id }),
      remove: askDelete,
      copy: (line) => void copyAloud(line.message, "Text"),
      jump,
      retry: (nonce) => channel.retry(nonce),
      discard: (nonce) => channel.discard(nonce),
    }),
    [channel, jump, write, askDelete],
  );
}
