import type { RefObject } from "react";
import type { ChannelInfo } from "#contract/chat-frames";
import { Announcer, FailureAnnouncer } from "./announcer.tsx";
import type { Channel } from "./channel.ts";
import type { Chat } from "./chat.ts";
import { MessageList, type MessageListHandle } from "./message-list.tsx";
import { Empty } from "./panel-states.tsx";
import { useShown, useStore } from "./use-channel.ts";
import { useLostFailures } from "./use-lost-failures.ts";
import { useReading } from "./use-reading.ts";

type Props = {
  chat: Chat;
  channel: Channel;
  info: ChannelInfo;
  list: RefObject<MessageListHandle | null>;
  /** From the list to where one writes. */
  leave(): void;
};

/** What of a panel changes with each message. */
export function Messages({ chat, channel, info, list, leave }: Props) {
  const shown = useShown(chat, channel);
  const isLive = useStore(channel.store, ({ stage }) => stage === "live");
  const isLoadingOlder = useStore(channel.store, ({ view }) => view.asked !== null);
  const { unseen, setAtEnd } = useReading(channel);
  useLostFailures(channel);
  return (
    <>
      {shown.length === 0 ? (
        <Empty info={info} />
      ) : (
        <MessageList
          shown={shown}
          label={`Messages in ${info.stream_name ?? info.name}`}
          rights={{ canSend: info.can_send, canModerate: info.can_moderate }}
          unseen={unseen}
          isLoadingOlder={isLoadingOlder}
          atEnd={setAtEnd}
          nearBeginning={() => void channel.loadOlder()}
          leave={leave}
          handle={list}
        />
      )}
      <Announcer channel={channel} isLive={isLive} />
      <FailureAnnouncer channel={channel} />
    </>
  );
}
