/** The messages of a room as a list, oldest first, and what each change makes of it. Pure. */
import { type ChatMessage, PREVIEW_CHARACTERS, type Reaction } from "#contract/chat";
import type { Change, MessageFrame } from "#contract/chat-frames";

export type Tally = { emoji: string; count: number; own: boolean };

/** One message as this reader sees it. */
export type Line = Omit<ChatMessage, "reactions" | "own"> & {
  own: boolean;
  reactions: readonly Tally[];
  /** Of what was sent from this page. */
  nonce?: string;
};

export type Reader = {
  /** Null: a guest. */
  me: number | null;
  /** This page sent something under that nonce. */
  sent(nonce: string): boolean;
};

export function lineOf({ reactions, own, ...message }: ChatMessage, { me }: Reader): Line {
  return {
    ...message,
    own: own === true || isReader(message.user_id, me),
    reactions: reactions.map((reaction) => tallyOf(reaction, me)),
  };
}

const tallyOf = ({ emoji, count, user_ids }: Reaction, me: number | null): Tally => ({
  emoji,
  count,
  own: me !== null && user_ids.includes(me),
});

const isReader = (user_id: number | null, me: number | null) => me !== null && user_id === me;

function newLine({ type, channel_id, rev, nonce, ...message }: MessageFrame, { me, sent }: Reader): Line {
  const fromHere = nonce !== undefined && sent(nonce);
  return {
    ...message,
    own: fromHere || isReader(message.user_id, me),
    reactions: [],
    pinned: false,
    ...(fromHere && { nonce }),
  };
}

/** The list after `change`; the same list when it shows none of it. */
export function changedLines(lines: readonly Line[], change: Change, reader: Reader): readonly Line[] {
  switch (change.type) {
    case "message": {
      const last = lines.at(-1);
      // Ids grow with the order; a page of history may have brought this one already.
      return last && last.id >= change.id ? lines : [...lines, newLine(change, reader)];
    }
    case "message_edited":
      return withReplies(
        patched(lines, change.message_id, () => ({ message: change.new_text, edited_at: change.edited_at })),
        change.message_id,
        change.new_text,
      );
    case "message_deleted": {
      const rest = lines.filter(({ id }) => id !== change.message_id);
      return withReplies(rest.length === lines.length ? lines : rest, change.message_id, null);
    }
    case "reaction_update": {
      const { message_id, emoji, count, added } = change;
      const byReader = isReader(change.user_id, reader.me) || (change.nonce !== undefined && reader.sent(change.nonce));
      return patched(lines, message_id, ({ reactions }) => ({
        reactions: tallied(reactions, emoji, count, byReader ? added : undefined),
      }));
    }
    case "message_pinned":
    case "message_unpinned":
      return patched(lines, change.message_id, () => ({ pinned: change.type === "message_pinned" }));
    case "channel_cleared":
    case "channel_deleted":
      return [];
    case "channel_renamed":
    case "channel_updated":
    case "stream_status":
    case "skipped":
      return lines;
  }
}

/** `own`: undefined leaves it as it was. */
export function tallied(
  reactions: readonly Tally[],
  emoji: string,
  count: number,
  own: boolean | undefined,
): readonly Tally[] {
  const at = reactions.findIndex((tally) => tally.emoji === emoji);
  if (count <= 0) return reactions.filter((tally) => tally.emoji !== emoji);
  if (at === -1) return [...reactions, { emoji, count, own: own ?? false }];
  return reactions.map((tally, index) => (index === at ? { emoji, count, own: own ?? tally.own } : tally));
}

function patched(lines: readonly Line[], id: number, patch: (line: Line) => Partial<Line>): readonly Line[] {
  const at = indexOf(lines, id);
  const line = lines[at];
  return line ? lines.with(at, { ...line, ...patch(line) }) : lines;
}

/** What answers a message shows the beginning of it. `text`: null when it is gone. */
function withReplies(lines: readonly Line[], id: number, text: string | null): readonly Line[] {
  if (!lines.some(({ reply_to }) => reply_to === id)) return lines;
  return lines.map((line) => {
    if (line.reply_to !== id || !line.reply_preview) return line;
    const preview = text === null ? null : { ...line.reply_preview, message: begin(text) };
    return { ...line, reply_preview: preview };
  });
}

export const begin = (text: string): string => [...text].slice(0, PREVIEW_CHARACTERS).join("");

/** Where the message is, or -1. */
export function indexOf(lines: readonly Pick<Line, "id">[], id: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = lines[middle]?.id ?? 0;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
