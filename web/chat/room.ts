/**
 * What one reader sees of one channel, made from the server's frames. Pure.
 *
 * A room's changes are numbered without gaps. Each is applied exactly when it is the next; one that was seen is left
 * out, and one that comes too early says that some were missed.
 */
import { CHANGE_TYPES, type Change, type ChannelInfo, type ChatUser, type ServerFrame } from "#contract/chat-frames";
import { changedLines, type Line, lineOf, type Reader } from "./lines.ts";

export const TYPING_MS = 4_000;

export type RoomFrame = Extract<ServerFrame, { channel_id: number }>;
export type Told = Exclude<RoomFrame, Change>;

export type Pin = { id: number; username: string; message: string; pinned_at: string };

export type People = { users: readonly ChatUser[]; total: number; guests: number };

export type Typist = { name: string; until: number };

export type View = {
  /** Of the last change that is in it; null: nothing is known yet. */
  rev: number | null;
  info: ChannelInfo | null;
  /** Oldest first, without holes. */
  lines: readonly Line[];
  /** There are older ones. */
  hasMore: boolean;
  /** Newest first. */
  pins: readonly Pin[];
  people: People;
  typists: readonly Typist[];
  /** The channel was deleted. */
  isGone: boolean;
  /** Older messages are on their way, and what changed meanwhile: they may be from before that. */
  asked: readonly Change[] | null;
};

export const NOTHING: View = {
  rev: null,
  info: null,
  lines: [],
  hasMore: false,
  pins: [],
  people: { users: [], total: 0, guests: 0 },
  typists: [],
  isGone: false,
  asked: null,
};

/** `gap`: changes are missing between the view and the frame. */
export type Step = { view: View; gap: boolean };

export const isChange = (frame: RoomFrame): frame is Change => CHANGE_TYPES.has(frame.type);

/** Replaces everything: what a join shows, also after an absence that was too long. */
export const isSnapshot = (frame: RoomFrame): boolean => frame.type === "history" && frame.before_id === undefined;

/** `now`: UTC ms. */
export function step(view: View, frame: RoomFrame, reader: Reader, now: number): Step {
  if (isChange(frame)) {
    if (view.rev === null || frame.rev <= view.rev) return { view, gap: false };
    if (frame.rev > view.rev + 1) return { view, gap: true };
    return { view: { ...changed(view, frame, reader), rev: frame.rev }, gap: false };
  }
  const next = told(view, frame, reader, now);
  return { view: next, gap: next.rev !== null && frame.rev > next.rev };
}

function changed(view: View, change: Change, reader: Reader): View {
  const lines = changedLines(view.lines, change, reader);
  const asked = view.asked && [...view.asked, change];
  const next = { ...view, lines, asked };
  const { info, pins } = view;
  switch (change.type) {
    case "message":
      return { ...next, typists: view.typists.filter(({ name }) => name !== change.username) };
    case "message_edited":
      return {
        ...next,
        pins: pins.map((pin) => (pin.id === change.message_id ? { ...pin, message: change.new_text } : pin)),
      };
    case "message_deleted":
    case "message_unpinned":
      return { ...next, pins: pins.filter(({ id }) => id !== change.message_id) };
    case "message_pinned": {
      const { message_id: id, username, message, pinned_at } = change;
      return { ...next, pins: [{ id, username, message, pinned_at }, ...pins.filter((pin) => pin.id !== id)] };
    }
    case "channel_cleared":
      return { ...next, pins: [], hasMore: false };
    case "channel_deleted":
      return { ...next, pins: [], hasMore: false, isGone: true };
    case "channel_renamed":
      return { ...next, info: info && { ...info, name: change.new_name } };
    case "stream_status":
      return { ...next, info: info && { ...info, stream_is_live: change.is_live } };
    case "reaction_update":
    case "channel_updated":
    case "skipped":
      return next;
  }
}

function told(view: View, frame: Told, reader: Reader, now: number): View {
  switch (frame.type) {
    case "channel_info":
      return { ...view, info: frame };
    case "history": {
      const lines = frame.messages.map((message) => lineOf(message, reader));
      if (!isSnapshot(frame)) return withOlder(view, lines, frame, reader);
      const { rev, has_more: hasMore } = frame;
      return { ...view, rev, lines, hasMore, pins: [], typists: [], asked: null, isGone: false };
    }
    case "pinned_messages":
      return {
        ...view,
        pins: frame.messages.map(({ id, username, message, pinned_at }) => ({ id, username, message, pinned_at })),
      };
    case "users":
      return { ...view, people: counted(view.people, frame) };
    case "user_joined":
      return { ...view, people: joined(view.people, frame) };
    case "user_left":
      return { ...view, people: left(view.people, frame) };
    case "typing": {
      const others = view.typists.filter(({ name }) => name !== frame.username);
      return { ...view, typists: [...others, { name: frame.username, until: now + TYPING_MS }] };
    }
    case "user_nickname_changed":
    case "user_avatar_changed":
    case "user_status_changed":
      return { ...view, people: changedLooks(view.people, frame) };
    case "user_anonymous_changed": // the list of users follows
    case "resumed":
      return view;
  }
}

/** A page of history may be older than the view: what changed since it was asked for is applied to it, too. */
function withOlder(
  view: View,
  lines: readonly Line[],
  { rev, has_more: hasMore }: { rev: number; has_more: boolean },
  reader: Reader,
): View {
  if (view.asked === null) return view; // of a view that was replaced
  const late = view.asked.filter((change) => change.rev > rev && change.type !== "message");
  const older = late.reduce((page, change) => changedLines(page, change, reader), lines);
  return { ...view, lines: [...older, ...view.lines], hasMore, asked: null };
}

/** Of many only the number is told again. */
function counted(people: People, { users, total, guests }: Extract<Told, { type: "users" }>): People {
  return { users: users.length === 0 && total > 0 ? people.users : users, total, guests };
}

function changedLooks(
  people: People,
  frame: Extract<Told, { type: "user_nickname_changed" | "user_avatar_changed" | "user_status_changed" }>,
): People {
  const { type: _, channel_id: __, rev: ___, ...looks } = frame;
  const users = people.users.map((user) => (user.user_id === looks.user_id ? { ...user, ...looks } : user));
  return { ...people, users };
}

type Passer = Extract<Told, { type: "user_joined" | "user_left" }>;

const isSame = (user: ChatUser, { user_id, username }: Passer) =>
  user_id === null ? user.user_id === null && user.username === username : user.user_id === user_id;

function joined(people: People, frame: Extract<Told, { type: "user_joined" }>): People {
  const { user_id, username, role, anonymous } = frame;
  if (user_id !== null && people.users.some((user) => isSame(user, frame))) return people;
  const user: ChatUser = {
    user_id,
    username,
    role,
    anonymous,
    nickname: null,
    avatar: {},
    status: "online",
    status_message: "",
    last_seen_at: null,
    in_voice: false,
    voice_muted: false,
    voice_deafened: false,
    voice_speaking: false,
    screen_sharing: false,
  };
  return { ...people, users: [...people.users, user], total: people.total + 1 };
}

function left(people: People, frame: Passer): People {
  const at = people.users.findIndex((user) => isSame(user, frame));
  const total = Math.max(0, people.total - 1);
  return at === -1 ? { ...people, total } : { ...people, users: people.users.toSpliced(at, 1), total };
}

/** Without those who stopped typing. */
export function quieted(view: View, now: number): View {
  const typists = view.typists.filter(({ until }) => until > now);
  return typists.length === view.typists.length ? view : { ...view, typists };
}

/** The newest `most` messages only; the rest can be asked for again. */
export function trimmed(view: View, most: number): View {
  if (view.lines.length <= most || view.asked !== null) return view;
  return { ...view, lines: view.lines.slice(-most), hasMore: true };
}
