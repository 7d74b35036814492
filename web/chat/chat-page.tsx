import { ActionIcon, Button, Skeleton, Title, Tooltip } from "@mantine/core";
import { useDisclosure, useDocumentTitle, useMediaQuery } from "@mantine/hooks";
import { IconArrowLeft, IconMessageOff, IconPlus } from "@tabler/icons-react";
import { useRef } from "react";
import { Link, Navigate, useNavigate, useParams } from "react-router";
import { isAdminRole } from "#contract/identity";
import type { Channel } from "../api/chat.ts";
import type { Me } from "../api/identity.ts";
import { useSession } from "../identity/session.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import { CHAT_PATH, channelPath } from "./addresses.ts";
import { ChannelList } from "./channel-list.tsx";
import classes from "./chat-page.module.css";
import { ChatPanel } from "./chat-panel.tsx";
import { CreateChannelDialog } from "./create-channel-dialog.tsx";
import { DeleteChannelDialog } from "./delete-channel-dialog.tsx";
import { useChannels } from "./queries.ts";

/** As the style sheets have it. */
const NARROW = "(max-width: 47.99em)";

const titleOf = ({ stream_title, name }: Channel) => stream_title ?? `#${name}`;

/** The channels and, beside them, one of them. On a phone one after the other. */
export function ChatPage() {
  const { me } = useSession();
  const { channel: name } = useParams();
  const channels = useChannels();
  const isNarrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  const [creating, dialog] = useDisclosure(false);
  const navigate = useNavigate();
  const all = channels.data;
  const present = usePresent(all, name);
  useDocumentTitle(`${present ? titleOf(present) : "Chat"} · Sluice`);
  if (!me) return null;

  const [first] = all ?? [];
  if (name === undefined && first && isNarrow === false) return <Navigate to={channelPath(first)} replace />;
  // It was renamed while it was open.
  if (present && present.name !== name) return <Navigate to={channelPath(present)} replace />;

  return (
    <div className={classes.page} data-step={name === undefined ? "list" : "channel"}>
      <div className={classes.channels}>
        <div className={classes.head}>
          <Title order={name === undefined ? 1 : 2} className={classes.title}>
            Chat
          </Title>
          <Tooltip label="New channel">
            <ActionIcon aria-label="New channel" onClick={dialog.open}>
              <IconPlus size={21} stroke={1.7} />
            </ActionIcon>
          </Tooltip>
        </div>
        <nav className={classes.scroll} aria-label="Channels">
          {all ? (
            <ChannelList channels={all} present={present?.id ?? null} />
          ) : channels.error ? (
            <FailureNotice failure={channels.error} retry={() => void channels.refetch()} />
          ) : (
            <Loading />
          )}
        </nav>
      </div>
      <div className={classes.panel}>
        {present ? (
          <Present key={present.id} me={me} channel={present} />
        ) : (
          all && name !== undefined && <NoSuchChannel name={name} />
        )}
      </div>
      <CreateChannelDialog
        opened={creating}
        close={dialog.close}
        created={(made) => {
          dialog.close();
          void navigate(channelPath({ name: made }));
        }}
        isModerator={me.role !== "user"}
      />
    </div>
  );
}

/** The channel of that name; after it was renamed still the same one. */
function usePresent(all: readonly Channel[] | undefined, name: string | undefined): Channel | undefined {
  const last = useRef<{ name: string; id: number } | null>(null);
  const found =
    all?.find((channel) => channel.name === name) ??
    (last.current?.name === name ? all?.find(({ id }) => id === last.current?.id) : undefined);
  if (found && name !== undefined) last.current = { name, id: found.id };
  return found;
}

function Present({ me, channel }: { me: Me; channel: Channel }) {
  const [deleting, dialog] = useDisclosure(false);
  const navigate = useNavigate();
  const mayDelete = isAdminRole(me.role) && channel.is_default === 0 && !channel.is_stream_channel;
  return (
    <>
      <ChatPanel
        user={me.id}
        channelId={channel.id}
        place="page"
        title={titleOf(channel)}
        back={<Back />}
        remove={mayDelete ? dialog.open : undefined}
      />
      {mayDelete && (
        <DeleteChannelDialog
          channel={channel}
          opened={deleting}
          close={dialog.close}
          deleted={() => void navigate(CHAT_PATH)}
        />
      )}
    </>
  );
}

const Back = () => (
  <ActionIcon component={Link} to={CHAT_PATH} size={44} className={classes.back} aria-label="All channels">
    <IconArrowLeft size={22} stroke={1.8} />
  </ActionIcon>
);

function NoSuchChannel({ name }: { name: string }) {
  return (
    <Notice icon={IconMessageOff} title="No such channel" level={1}>
      {`There is no channel “${name}”, or it is not open to you.`}
      <Button component={Link} to={CHAT_PATH}>
        All channels
      </Button>
    </Notice>
  );
}

function Loading() {
  return (
    <div className={classes.loading} role="status" aria-label="Loading the channels">
      {[55, 40, 65, 50, 35].map((width) => (
        <Skeleton key={width} height={18} width={`${width}%`} my={4} />
      ))}
    </div>
  );
}
