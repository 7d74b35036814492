import { type ReactNode, useCallback, useRef, useState } from "react";
import { Announcer } from "./announcer.tsx";
import { Banner } from "./banner.tsx";
import { ChannelMenu } from "./channel-menu.tsx";
import classes from "./chat-panel.module.css";
import { ClosedComposer } from "./closed-composer.tsx";
import { Composer, type ComposerHandle, type Writing } from "./composer.tsx";
import { DeedsProvider, mayEdit } from "./deeds.ts";
import { DeleteMessageDialog } from "./delete-message-dialog.tsx";
import { begin, type Line } from "./lines.ts";
import { MessageList, type MessageListHandle } from "./message-list.tsx";
import { PanelHead } from "./panel-head.tsx";
import { Empty, Loading, Refused } from "./panel-states.tsx";
import { People } from "./people.tsx";
import { Pins } from "./pins.tsx";
import { Typists } from "./typists.tsx";
import { useChannel, useShown, useStore } from "./use-channel.ts";
import { useDeedsOf } from "./use-deeds-of.ts";
import { useJump } from "./use-jump.ts";
import { useReading } from "./use-reading.ts";
import { nameOf } from "./words.ts";

type Props = {
  /** Null: a guest. */
  user: number | null;
  channelId: number;
  /** Beside something, or a page of its own. */
  place: "aside" | "page";
  /** Before the title. */
  back?: ReactNode;
  /** The channel is deleted by whoever may do so. */
  remove?: (() => void) | undefined;
};

/** A channel: what is said in it, who is there, and where one writes. */
export function ChatPanel({ user, channelId, place, back, remove }: Props) {
  const { chat, channel } = useChannel(user, channelId);
  const { view, stage, refusal, entries } = useStore(channel.store);
  const { link } = useStore(chat.store);
  const shown = useShown(chat, channel);
  const list = useRef<MessageListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const [writing, setWriting] = useState<Writing>(null);
  const [deleting, setDeleting] = useState<Line | null>(null);
  const { unseen, isAtEnd, setAtEnd } = useReading(channel);
  const jump = useJump(channel, list, isAtEnd);
  const deeds = useDeedsOf(channel, { jump, write: setWriting, askDelete: setDeleting });
  const leaveList = useCallback(() => composer.current?.focus(), []);

  const { info, pins, people, typists, lines } = view;
  const rights = { canSend: info?.can_send ?? false, canModerate: info?.can_moderate ?? false };
  const isKnown = view.rev !== null && info !== null;
  const isShut = view.isGone || (stage === "refused" && link.state !== "over");

  const send = (text: string) => {
    if (writing?.kind === "edit") {
      if (text !== writing.line.message) {
        channel.act({ kind: "edit", message_id: writing.line.id, message: text });
      }
    } else {
      const line = writing?.line;
      const reply = line ? { id: line.id, username: line.username, message: begin(line.message) } : null;
      channel.act({ kind: "message", message: text, reply });
      list.current?.toEnd();
    }
    setWriting(null);
  };
  const editLast = () => {
    const line = lines.findLast((each) => mayEdit(each, Date.now()));
    if (line) setWriting({ kind: "edit", line });
  };
  const slowed = rights.canModerate ? 0 : (info?.slowmode_seconds ?? 0) * 1000;
  const notBefore = Math.max(
    slowed && channel.wroteAt + slowed,
    ...entries.map(({ action, notBefore: until }) => (action.kind === "message" && slowed ? until : 0)),
  );

  return (
    <section className={classes.panel} data-place={place} data-stage={stage} aria-label="Chat">
      <PanelHead place={place} info={info} back={back}>
        {isKnown && !isShut && <People people={people} />}
        {info && !isShut && rights.canModerate && <ChannelMenu info={info} remove={remove} />}
      </PanelHead>
      <Banner link={link} stage={stage} />
      <DeedsProvider value={deeds}>
        {isShut ? (
          <Refused code={view.isGone ? "not_found" : (refusal?.error_code ?? "forbidden")} />
        ) : !isKnown ? (
          <Loading />
        ) : (
          <>
            <Pins
              pins={pins}
              canModerate={rights.canModerate}
              jump={jump}
              unpin={(message_id) => channel.act({ kind: "unpin", message_id })}
            />
            {shown.length === 0 ? (
              <Empty info={info} canSend={rights.canSend} />
            ) : (
              <MessageList
                shown={shown}
                label={`Messages in ${info.stream_name ?? info.name}`}
                rights={rights}
                unseen={unseen}
                isLoadingOlder={view.asked !== null}
                atEnd={setAtEnd}
                nearBeginning={() => void channel.loadOlder()}
                leave={leaveList}
                handle={list}
              />
            )}
            <Typists typists={typists} slowmodeSeconds={info.slowmode_seconds} />
            {rights.canSend ? (
              <Composer
                label={writing?.kind === "reply" ? `Reply to ${nameOf(writing.line)}` : labelOf(info)}
                draft={channel.draft}
                keepDraft={(text) => {
                  channel.draft = text;
                }}
                writing={writing}
                notBefore={notBefore}
                send={send}
                cancel={() => setWriting(null)}
                typed={() => channel.typed()}
                editLast={editLast}
                handle={composer}
              />
            ) : (
              <ClosedComposer isGuest={user === null} isReadonly={info.mode === "readonly"} />
            )}
          </>
        )}
      </DeedsProvider>
      <DeleteMessageDialog
        line={deleting}
        close={() => {
          setDeleting(null);
          composer.current?.focus();
        }}
        confirm={(line) => channel.act({ kind: "delete", message_id: line.id })}
      />
      <Announcer lines={lines} isLive={stage === "live"} />
    </section>
  );
}

const labelOf = ({ name, stream_name }: { name: string; stream_name?: string | undefined }) =>
  stream_name === undefined ? `Message #${name}` : "Message";
