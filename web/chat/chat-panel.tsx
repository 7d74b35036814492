import { type ReactNode, useCallback, useRef, useState } from "react";
import { Banner } from "./banner.tsx";
import { ChannelComposer } from "./channel-composer.tsx";
import { ChannelMenu } from "./channel-menu.tsx";
import classes from "./chat-panel.module.css";
import { ClosedComposer } from "./closed-composer.tsx";
import type { ComposerHandle, Writing } from "./composer.tsx";
import { DeedsProvider } from "./deeds.ts";
import { DeleteMessageDialog } from "./delete-message-dialog.tsx";
import type { Line } from "./lines.ts";
import type { MessageListHandle } from "./message-list.tsx";
import { Messages } from "./messages.tsx";
import { PanelHead } from "./panel-head.tsx";
import { Loading, Refused } from "./panel-states.tsx";
import { People } from "./people.tsx";
import { Pins } from "./pins.tsx";
import { Typists } from "./typists.tsx";
import { useChannel, useStore } from "./use-channel.ts";
import { useDeedsOf } from "./use-deeds-of.ts";
import { useJump } from "./use-jump.ts";

type Props = {
  /** Null: a guest. */
  user: number | null;
  channelId: number;
  /** Beside something, or a page of its own. */
  place: "aside" | "page";
  title: string;
  /** Before the title. */
  back?: ReactNode;
  /** The channel is deleted by whoever may do so. */
  remove?: (() => void) | undefined;
};

/** A channel: what is said in it, who is there, and where one writes. */
export function ChatPanel({ user, channelId, place, title, back, remove }: Props) {
  const { chat, channel } = useChannel(user, channelId);
  const link = useStore(chat.store, (state) => state.link);
  const stage = useStore(channel.store, (state) => state.stage);
  const refusal = useStore(channel.store, (state) => state.refusal);
  const info = useStore(channel.store, ({ view }) => view.info);
  const pins = useStore(channel.store, ({ view }) => view.pins);
  const isGone = useStore(channel.store, ({ view }) => view.isGone);
  const isKnown = useStore(channel.store, ({ view }) => view.rev !== null);
  const list = useRef<MessageListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const [writing, setWriting] = useState<Writing>(null);
  const [deleting, setDeleting] = useState<Line | null>(null);
  const jump = useJump(channel, list);
  const deeds = useDeedsOf(channel, { jump, write: setWriting, askDelete: setDeleting });
  const toComposer = useCallback(() => composer.current?.focus(), []);
  const reopen = useCallback(() => chat.reopen(), [chat]);
  const isShut = isGone || (stage === "refused" && link.state !== "over");
  const canModerate = info?.can_moderate ?? false;

  return (
    <section className={classes.panel} data-place={place} data-stage={stage} aria-label="Chat">
      <PanelHead place={place} title={title} info={info} back={back}>
        {isKnown && !isShut && <People channel={channel} />}
        {info && canModerate && !isShut && <ChannelMenu info={info} remove={remove} />}
      </PanelHead>
      {!isShut && (
        <Pins
          pins={pins}
          canModerate={canModerate}
          jump={jump}
          unpin={(message_id) => channel.act({ kind: "unpin", message_id })}
        />
      )}
      <Banner link={link} stage={stage} reopen={reopen} />
      {isShut ? (
        <Refused code={isGone ? "not_found" : (refusal?.error_code ?? "forbidden")} />
      ) : !isKnown || !info ? (
        <Loading />
      ) : (
        <DeedsProvider value={deeds}>
          <Messages chat={chat} channel={channel} info={info} list={list} leave={toComposer} />
          <Typists channel={channel} slowmodeSeconds={info.can_send ? info.slowmode_seconds : 0} />
          {info.can_send ? (
            <ChannelComposer
              channel={channel}
              info={info}
              writing={writing}
              setWriting={setWriting}
              sent={() => list.current?.toEnd()}
              handle={composer}
            />
          ) : (
            <ClosedComposer isGuest={user === null} isReadonly={info.mode === "readonly"} />
          )}
        </DeedsProvider>
      )}
      <DeleteMessageDialog
        line={deleting}
        close={() => {
          setDeleting(null);
          toComposer();
        }}
        confirm={(line) => channel.act({ kind: "delete", message_id: line.id })}
      />
    </section>
  );
}
