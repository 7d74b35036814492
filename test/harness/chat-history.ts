/**
 * Judges what all clients of one room were shown against what all senders were told was sent: nothing lost, nothing
 * doubled, nothing in another order. It believes nobody: each client's own numbers are only what it claims.
 */
import type { Change, ChatErrorCode, ServerFrame } from "#contract/chat-frames";
import type { Sendable } from "./chat-socket.ts";

export type HistoryFrame = Extract<ServerFrame, { type: "history" }>;
/** What a sender may be told was done. */
export type ActionFrame = Extract<Sendable, { type: "message" | "edit_message" | "delete" | "react" }>;

const BECOMES = {
  message: "message",
  edit_message: "message_edited",
  delete: "message_deleted",
  react: "reaction_update",
} as const satisfies Record<ActionFrame["type"], Change["type"]>;

/** What a client put on its screen: a history takes the place of all before it, a change is added. */
export type Shown = HistoryFrame | Change;

/** One action of a client. Nonces are different for all clients of a room. */
export type Sent = {
  frame: ActionFrame & { nonce: string };
  /** Nothing was in its way. One that was refused for a while may stand anywhere. */
  ordered: boolean;
  /** The change that came back to its sender. */
  confirmed: Change | null;
  refused: ChatErrorCode | null;
};

/** One client and all it knows, when everything has come to rest. */
export type Witness = {
  name: string;
  shown: readonly Shown[];
  /** Changes that came again, and not because this client had asked for them again. */
  repeated: readonly Change[];
  /** In the order of their sending. */
  sent: readonly Sent[];
};

/** Sentences, one for each fault. Empty: none. */
export type Verdict = { lost: string[]; doubled: string[]; reordered: string[] };

const SHOWN_FAULTS = 20;

class Faults {
  readonly #list: string[] = [];
  #count = 0;

  add(sentence: string): void {
    if (++this.#count <= SHOWN_FAULTS) this.#list.push(sentence);
  }

  /** The first of them, and how many more there are. */
  list(): string[] {
    const more = this.#count - this.#list.length;
    return more > 0 ? [...this.#list, `and ${more} more`] : this.#list;
  }
}

/** What one client saw, taken together. */
type Seen = {
  name: string;
  /** Of messages, by whatever way they came. */
  ids: Set<number>;
  /** Messages with a lower id were before the beginning of the history it was shown up to then. */
  horizon: number;
  /** The last change it has. */
  rev: number;
};

/** What all agree upon, by number. */
type Changes = Map<number, { change: Change; by: string }>;
type AllFaults = { lost: Faults; doubled: Faults; reordered: Faults };

export function judge(witnesses: readonly Witness[]): Verdict {
  const faults: AllFaults = { lost: new Faults(), doubled: new Faults(), reordered: new Faults() };
  const changes: Changes = new Map();
  const seen = witnesses.map((witness) => follow(witness, changes, faults));
  const end = Math.max(0, ...seen.map(({ rev }) => rev));
  for (const { name, rev } of seen) {
    if (rev < end) faults.lost.add(`${name} has nothing after change ${rev} of ${end}`);
  }
  const all = [...changes.values()].map(({ change }) => change);
  const edited = new Set(all.flatMap((change) => (change.type === "message_edited" ? change.message_id : [])));
  const deleted = new Set(all.flatMap((change) => (change.type === "message_deleted" ? change.message_id : [])));
  for (const witness of witnesses) {
    for (const { sent, change } of confirmedOf(witness, faults.reordered)) {
      const told = changes.get(change.rev)?.change;
      const what = `${sent.frame.nonce} of ${witness.name}, confirmed as change ${change.rev},`;
      if (told === undefined) faults.lost.add(`${what} was shown to nobody`);
      else if (!isDone(sent.frame, change, edited) || !isSame(told, change))
        faults.lost.add(`${what} is ${describe(told)}`);
      // Whoever came after a deletion is shown nothing of it; whoever was there has every change.
      if (change.type !== "message" || deleted.has(change.id)) continue;
      for (const { name, ids, horizon } of seen) {
        if (!ids.has(change.id) && change.id >= horizon) faults.lost.add(`${what} was never shown to ${name}`);
      }
    }
  }
  return { lost: faults.lost.list(), doubled: faults.doubled.list(), reordered: faults.reordered.list() };
}

/** What a sender was told was done, which must have been in the order of its sending. */
function confirmedOf({ name, sent }: Witness, reordered: Faults): { sent: Sent; change: Change }[] {
  let last = 0;
  return sent.flatMap((each) => {
    const { frame, ordered, confirmed } = each;
    if (confirmed === null) return [];
    if (ordered) {
      if (confirmed.rev <= last)
        reordered.add(`${name} sent ${frame.nonce} after what is change ${last}, and it is ${confirmed.rev}`);
      last = confirmed.rev;
    }
    return { sent: each, change: confirmed };
  });
}

/** Walks through what one client was shown, and enters each change into what all agree upon. */
function follow({ name, shown, repeated }: Witness, changes: Changes, faults: AllFaults): Seen {
  const ids = new Set<number>();
  const nonces = new Set<string>();
  const missing = new Set<number>();
  let horizon = 0;
  let last: number | null = null;
  const add = (what: Change) => {
    if ("nonce" in what && what.nonce !== undefined) {
      if (nonces.has(what.nonce)) faults.doubled.add(`${name} saw ${what.nonce} again as change ${what.rev}`);
      nonces.add(what.nonce);
    }
    if (what.type !== "message") return;
    if (ids.has(what.id)) faults.doubled.add(`${name} saw message ${what.id} again as change ${what.rev}`);
    ids.add(what.id);
  };

  for (const each of shown) {
    if (each.type === "history") {
      if (last !== null && each.rev < last)
        faults.lost.add(`${name} was taken back from change ${last} to ${each.rev}`);
      const [oldest] = each.messages;
      each.messages.forEach(({ id }, at) => {
        const before = each.messages[at - 1]?.id ?? 0;
        if (id === before) faults.doubled.add(`${name} was shown a history with message ${id} twice`);
        if (id < before) faults.reordered.add(`${name} was shown a history with ${id} after ${before}`);
        ids.add(id);
      });
      if (each.has_more && oldest !== undefined) horizon = Math.max(horizon, oldest.id);
      last = each.rev;
      missing.clear();
      continue;
    }
    agree(each, name, changes, faults.reordered);
    if (last === null) faults.reordered.add(`${name} saw change ${each.rev} before any history`);
    else if (each.rev > last) for (let rev = last + 1; rev < each.rev; rev++) missing.add(rev);
    else if (missing.delete(each.rev)) faults.reordered.add(`${name} saw change ${each.rev} after ${last}`);
    else faults.doubled.add(`${name} saw change ${each.rev} again after ${last}`);
    last = Math.max(last ?? 0, each.rev);
    add(each);
  }
  for (const rev of missing) faults.lost.add(`${name} never saw change ${rev}`);
  for (const change of repeated) faults.doubled.add(`${name} was sent change ${change.rev} again`);
  return { name, ids, horizon, rev: last ?? 0 };
}

/** One number is one change for everybody. */
function agree(change: Change, by: string, changes: Changes, reordered: Faults): void {
  const known = changes.get(change.rev);
  if (known === undefined || known.change.type === "skipped") changes.set(change.rev, { change, by });
  else if (!isSame(known.change, change))
    reordered.add(
      `change ${change.rev} is ${describe(known.change)} for ${known.by} and ${describe(change)} for ${by}`,
    );
}

const subjectOf = (change: Change): number | null =>
  change.type === "message" ? change.id : "message_id" in change ? change.message_id : null;

/** Those who come later are not shown what a later change took away. */
const isSame = (a: Change, b: Change): boolean =>
  a === b ||
  a.type === "skipped" ||
  b.type === "skipped" ||
  (a.rev === b.rev && a.type === b.type && subjectOf(a) === subjectOf(b));

/** Whether `change` is what was asked for. An edited message may come with its new text to those who were away. */
function isDone(frame: ActionFrame & { nonce: string }, change: Change, edited: ReadonlySet<number>): boolean {
  if (change.type === "skipped") return change.nonce === frame.nonce;
  if (change.type !== BECOMES[frame.type]) return false;
  if ("nonce" in change && change.nonce !== frame.nonce) return false;
  if (frame.type !== "message") return subjectOf(change) === frame.message_id;
  return change.type === "message" && (edited.has(change.id) || change.message === frame.message);
}

const describe = (change: Change): string => {
  const nonce = "nonce" in change && change.nonce !== undefined ? ` (${change.nonce})` : "";
  return `${change.type} of ${subjectOf(change)}${nonce}`;
};
