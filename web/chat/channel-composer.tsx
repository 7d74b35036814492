import type { Ref } from "react";
import type { ChannelInfo } from "#contract/chat-frames";
import { toast } from "../ui/toasts.tsx";
import type { Channel, ChannelState } from "./channel.ts";
import { Composer, type ComposerHandle, type Writing } from "./composer.tsx";
import { mayEdit } from "./deeds.ts";
import { begin, indexOf } from "./lines.ts";
import { useStore } from "./use-channel.ts";
import { nameOf } from "./words.ts";

type Props = {
  channel: Channel;
  info: ChannelInfo;
  writing: Writing;
  setWriting(writing: Writing): void;
  /** A message was sent: it is shown. */
  sent(): void;
  handle: Ref<ComposerHandle>;
};

/** Where one writes into a channel: messages, answers, and changes of what one wrote. */
export function ChannelComposer({ channel, info, writing, setWriting, sent, handle }: Props) {
  const wroteAt = useStore(channel.store, (state) => state.wroteAt);
  const refusedUntil = useStore(channel.store, latestWait);
  const pause = info.can_moderate ? 0 : info.slowmode_seconds * 1000;
  const send = (text: string): boolean => {
    setWriting(null);
    if (writing?.kind === "edit") return edit(channel, writing, text);
    const line = writing?.line;
    const reply = line ? { id: line.id, username: line.username, message: begin(line.message) } : null;
    channel.act({ kind: "message", message: text, reply });
    sent();
    return true;
  };
  return (
    <Composer
      label={writing?.kind === "reply" ? `Reply to ${nameOf(writing.line)}` : labelOf(info)}
      draft={channel.draft}
      keepDraft={(text) => {
        channel.draft = text;
      }}
      writing={writing}
      notBefore={pause && Math.max(wroteAt + pause, refusedUntil)}
      send={send}
      cancel={() => setWriting(null)}
      typed={() => channel.typed()}
      editLast={() => {
        const line = channel.store.get().view.lines.findLast((each) => mayEdit(each, Date.now()));
        if (line) setWriting({ kind: "edit", line });
      }}
      handle={handle}
    />
  );
}

/** False: it was deleted meanwhile, or its time is over. */
function edit(channel: Channel, { line }: NonNullable<Writing>, text: string): boolean {
  if (indexOf(channel.store.get().view.lines, line.id) === -1 || !mayEdit(line, Date.now())) {
    toast("That message cannot be changed any more. What you wrote is still in the field.");
    return false;
  }
  if (text !== line.message) channel.act({ kind: "edit", message_id: line.id, message: text });
  return true;
}

const labelOf = ({ name, stream_name }: ChannelInfo) => (stream_name === undefined ? `Message #${name}` : "Message");

/** What the server said of messages that came too soon. */
const latestWait = ({ entries }: ChannelState): number =>
  Math.max(0, ...entries.map(({ action, notBefore }) => (action.kind === "message" ? notBefore : 0)));
