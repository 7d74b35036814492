/** The checker is checked: a clean run passes, and each planted fault is found and named. */
import { describe, expect, test } from "vitest";
import type { Change } from "#contract/chat-frames";
import { messageId } from "#kit/message-id";
import {
  type HistoryFrame,
  judge,
  type Sent,
  type Shown,
  type Verdict,
  type Witness,
} from "../harness/chat-history.ts";

const ROOM = 7;
const NONE: Verdict = { lost: [], doubled: [], reordered: [] };
const room = (rev: number) => ({ channel_id: ROOM, rev });
const author = { user_id: 1, username: "ann", nickname: null, role: "user" as const, anonymous: false, avatar: {} };
const at = { created_at: "2026-01-01T00:00:00.000Z", edited_at: null };
const text = (nonce: string) => `text of ${nonce}`;

const message = (rev: number, nonce: string, seq = rev): Extract<Change, { type: "message" }> => ({
  type: "message",
  ...room(rev),
  ...author,
  ...at,
  id: messageId(ROOM, seq),
  message: text(nonce),
  nonce,
});
const history = (rev: number, seqs: number[], has_more = false): HistoryFrame => ({
  type: "history",
  ...room(rev),
  messages: seqs.map((seq) => ({
    ...author,
    ...at,
    id: messageId(ROOM, seq),
    message: "",
    reactions: [],
    pinned: false,
  })),
  has_more,
});
const edited = (rev: number, seq: number, nonce: string): Change => ({
  type: "message_edited",
  ...room(rev),
  message_id: messageId(ROOM, seq),
  new_text: "new",
  message: "new",
  edited_at: at.created_at,
  nonce,
});
const deleted = (rev: number, seq: number): Change => ({
  type: "message_deleted",
  ...room(rev),
  message_id: messageId(ROOM, seq),
  deleted_by: 1,
});
const skipped = (rev: number): Change => ({ type: "skipped", ...room(rev) });
const sent = (confirmed: Change | null, nonce: string): Sent => ({
  frame: { type: "message", message: text(nonce), nonce },
  ordered: true,
  confirmed,
  refused: null,
});

/** Ann sends four messages, three of them while Ben and Cem look on; Cem comes after the first. */
const RUN = [message(1, "a.0"), message(2, "a.1"), message(3, "a.2"), message(4, "a.3")] as const;
type Cast = { ann?: Partial<Witness>; ben?: Shown[]; cem?: Shown[]; repeated?: Change[] };

const cast = ({ ann = {}, ben = [history(0, []), ...RUN], cem, repeated = [] }: Cast = {}): Witness[] => [
  {
    name: "ann",
    shown: [history(0, []), ...RUN],
    repeated: [],
    sent: RUN.map((change, n) => sent(change, `a.${n}`)),
    ...ann,
  },
  { name: "ben", shown: ben, repeated, sent: [] },
  { name: "cem", shown: cem ?? [history(1, [1]), ...RUN.slice(1)], repeated: [], sent: [] },
];

describe("a clean run has no fault", () => {
  test.each<[string, Cast]>([
    ["seen live", {}],
    ["a history after a reset stands for what it holds", { ben: [history(0, []), RUN[0], history(4, [1, 2, 3, 4])] }],
    ["what is older than a history's beginning was not lost", { cem: [history(4, [3, 4], true)] }],
    ["an action that nobody confirmed", { ann: { sent: [sent(null, "a.9")] } }],
    [
      "one that was refused for a while stands anywhere",
      {
        ann: { sent: [RUN[1], RUN[0]].map((change, n) => ({ ...sent(change, `a.${1 - n}`), ordered: n === 0 })) },
      },
    ],
  ])("%s", (_, scene) => {
    expect(judge(cast(scene))).toEqual(NONE);
  });

  test("a deleted message is not shown to those who come later, and its number shows nothing", () => {
    const all = [message(1, "a.0"), message(2, "a.1"), deleted(3, 1)];
    const witnesses: Witness[] = [
      { name: "ann", shown: [history(0, []), ...all], repeated: [], sent: [sent(all[0] as Change, "a.0")] },
      { name: "ben", shown: [history(0, []), skipped(1), ...all.slice(1)], repeated: [], sent: [] },
      { name: "cem", shown: [history(3, [2])], repeated: [], sent: [] },
    ];
    expect(judge(witnesses)).toEqual(NONE);
  });

  test("an edited message may come with its new text to those who were away", () => {
    const edit = edited(2, 1, "a.1");
    const late = { ...message(1, "a.0"), message: "new" };
    const frame = { type: "edit_message" as const, message_id: messageId(ROOM, 1), message: "new", nonce: "a.1" };
    const witnesses: Witness[] = [
      { name: "ben", shown: [history(0, []), late, edit], repeated: [], sent: [] },
      {
        name: "ann",
        shown: [history(0, []), message(1, "a.0"), edit],
        repeated: [],
        sent: [sent(message(1, "a.0"), "a.0"), { ...sent(edit, "a.1"), frame }],
      },
    ];
    expect(judge(witnesses)).toEqual(NONE);
  });
});

describe("planted faults are found", () => {
  const [one, two, three, four] = RUN;
  test.each<[string, Cast, keyof Verdict, RegExp]>([
    ["a change that never came", { ben: [history(0, []), one, three, four] }, "lost", /ben never saw change 2/],
    ["the last change", { ben: [history(0, []), one, two, three] }, "lost", /ben has nothing after change 3 of 4/],
    ["a message that a history lacks", { ben: [history(4, [1, 2, 4])] }, "lost", /a.2 .* was never shown to ben/],
    [
      "a history of before",
      { ben: [history(0, []), ...RUN, history(3, [1, 2, 3]), four] },
      "lost",
      /back from change 4/,
    ],
    [
      "an action under another's number",
      {
        ann: { sent: [sent(message(2, "a.0", 1), "a.0")] },
      },
      "lost",
      /a.0 of ann, confirmed as change 2, is message of \d+ \(a.1\)/,
    ],
    [
      "a confirmed action that nobody saw",
      { ann: { sent: [sent(message(9, "a.9"), "a.9")] } },
      "lost",
      /a.9 .* to nobody/,
    ],
    [
      "another text",
      {
        ann: { sent: [{ ...sent(one, "a.0"), frame: { type: "message", message: "other", nonce: "a.0" } }] },
      },
      "lost",
      /a.0 of ann, confirmed as change 1, is message/,
    ],
    [
      "a message of two numbers",
      {
        ben: [history(0, []), ...RUN, message(5, "a.9", 4)],
      },
      "doubled",
      /ben saw message \d+ again as change 5/,
    ],
    ["a nonce of two messages", { ben: [history(0, []), ...RUN, message(5, "a.3")] }, "doubled", /ben saw a.3 again/],
    [
      "a message of the history once more",
      {
        cem: [history(1, [1]), message(2, "a.1", 1), three, four],
      },
      "doubled",
      /cem saw message \d+ again as change 2/,
    ],
    ["a change of before", { ben: [history(0, []), one, two, two, three, four] }, "doubled", /change 2 again after 2/],
    ["a history with a message twice", { cem: [history(1, [1, 1]), two, three, four] }, "doubled", /twice/],
    ["a repetition on the wire", { repeated: [two] }, "doubled", /ben was sent change 2 again/],
    ["two that were swapped", { ben: [history(0, []), one, three, two, four] }, "reordered", /change 2 after 3/],
    [
      "another message under one number",
      {
        ben: [history(0, []), one, message(2, "x.0", 9), three, four],
      },
      "reordered",
      /change 2 is message of \d+ \(a.1\) for ann and message of \d+ \(x.0\) for ben/,
    ],
    [
      "another kind of change under one number",
      {
        ben: [history(0, []), one, deleted(2, 2), three, four],
      },
      "reordered",
      /for ben/,
    ],
    [
      "a sender's messages swapped",
      {
        ann: { sent: [sent(two, "a.1"), sent(one, "a.0")] },
      },
      "reordered",
      /ann sent a.0 after what is change 2, and it is 1/,
    ],
    ["a history out of order", { cem: [history(1, [2, 1]), two, three, four] }, "reordered", /history with \d+ after/],
    ["a change before any history", { cem: [...RUN] }, "reordered", /cem saw change 1 before any history/],
  ])("%s", (_, scene, kind, complaint) => {
    expect(judge(cast(scene))[kind].join("\n")).toMatch(complaint);
  });

  test("of very many the first are named", () => {
    const many = Array.from({ length: 100 }, (_, n) => message(n + 1, `a.${n}`));
    const witness: Witness = { name: "ben", shown: [history(0, []), ...many, ...many], repeated: [], sent: [] };
    const { doubled } = judge([witness]);
    expect(doubled).toHaveLength(21);
    expect(doubled.at(-1)).toMatch(/^and \d+ more$/);
  });
});
