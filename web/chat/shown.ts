/** The messages with what the user did to them and the room has not confirmed yet. Pure. */
import type { ChatProfile } from "#contract/chat";
import { indexOf, type Line, tallied } from "./lines.ts";
import type { Entry } from "./outbox.ts";

export type Shown = {
  /** The same from its sending to its end. */
  key: string;
  line: Line;
  /** False: the room has not confirmed it; its id means nothing. */
  isSent: boolean;
  /** What is on its way or failed. */
  entries: readonly Entry[];
};

const NONE: readonly Entry[] = [];
const plain = new WeakMap<Line, Shown>();

/** The same object for the same line, so that a list need not draw it again. */
function plainly(line: Line): Shown {
  const known = plain.get(line);
  if (known) return known;
  const shown = { key: line.nonce ?? String(line.id), line, isSent: true, entries: NONE };
  plain.set(line, shown);
  return shown;
}

/** `author`: who writes here; null: not known yet, or a guest. */
export function shownLines(
  lines: readonly Line[],
  entries: readonly Entry[],
  author: ChatProfile | null,
): readonly Shown[] {
  const shown = lines.map(plainly);
  const changes = Map.groupBy(entries, ({ action }) => (action.kind === "message" ? null : action.message_id));
  for (const [id, of] of changes) {
    const at = id === null ? -1 : indexOf(lines, id);
    const before = shown[at];
    if (before) shown[at] = { ...before, line: of.reduce(asIntended, before.line), entries: of };
  }
  for (const entry of changes.get(null) ?? []) shown.push(unsent(entry, author));
  return shown;
}

/** What failed is shown as it is, not as it was meant. */
function asIntended(line: Line, { action, state, since }: Entry): Line {
  if (state === "failed") return line;
  switch (action.kind) {
    case "edit":
      return { ...line, message: action.message, edited_at: new Date(since).toISOString() };
    case "react": {
      const { count, own } = line.reactions.find(({ emoji }) => emoji === action.emoji) ?? { count: 0, own: false };
      return { ...line, reactions: tallied(line.reactions, action.emoji, count + (own ? -1 : 1), !own) };
    }
    case "pin":
    case "unpin":
      return { ...line, pinned: action.kind === "pin" };
    case "delete":
    case "message":
      return line;
  }
}

const NOBODY = { user_id: null, username: "You", nickname: null, role: "user", anonymous: false, avatar: {} } as const;

function unsent(entry: Entry, author: ChatProfile | null): Shown {
  const { action, nonce, since } = entry;
  const reply = action.kind === "message" ? action.reply : null;
  const line: Line = {
    ...(author ?? NOBODY),
    id: 0,
    message: action.kind === "message" ? action.message : "",
    created_at: new Date(since).toISOString(),
    edited_at: null,
    reactions: [],
    pinned: false,
    own: true,
    nonce,
    ...(reply && { reply_to: reply.id, reply_preview: reply }),
  };
  return { key: nonce, line, isSent: false, entries: [entry] };
}
