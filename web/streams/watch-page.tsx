import { Avatar, Button, Skeleton, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconEye, IconLock, IconMapOff } from "@tabler/icons-react";
import { useState } from "react";
import { Link, useLocation, useParams } from "react-router";
import { asFailure } from "../api/failure.ts";
import type { Stream } from "../api/streams.ts";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { signInAddress } from "../identity/next-page.ts";
import { useSession } from "../identity/session.ts";
import type { StreamInfo } from "../player/info.ts";
import { CopyButton } from "../ui/copy.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { LiveBadge } from "../ui/live-badge.tsx";
import { Notice } from "../ui/notice.tsx";
import { Since } from "../ui/since.tsx";
import classes from "../ui/stage.module.css";
import { Stage } from "../ui/stage.tsx";
import { Aftermath, useBroadcastEnd } from "../vods/aftermath.tsx";
import { StreamRecordings } from "../vods/stream-recordings.tsx";
import { watchPath } from "./addresses.ts";
import { LivePlayer } from "./live-player.tsx";
import { useStream } from "./queries.ts";

export function WatchPage() {
  const { id = "" } = useParams();
  const stream = useStream(id);
  useDocumentTitle(stream.data ? `${stream.data.title} · Sluice` : "Sluice");
  if (stream.data) return <Watch key={stream.data.public_key} stream={stream.data} />;
  if (!stream.error) return <Loading />;
  const { status } = asFailure(stream.error);
  if (status === 401) return <SignInFirst />;
  if (status === 400 || status === 403 || status === 404) return <NotFound />;
  return <FailureNotice failure={stream.error} retry={() => void stream.refetch()} />;
}

function Watch({ stream }: { stream: Stream }) {
  const [info, setInfo] = useState<StreamInfo | null>(null);
  const { me, known } = useSession();
  const own = me?.id === stream.user_id;
  const { chat_channel_id: channelId } = stream;
  // What the player last heard, else what the page was opened with.
  const state = info ?? stream;
  const end = useBroadcastEnd(state);
  return (
    <Stage
      player={<LivePlayer streamKey={stream.public_key} label={stream.title} onInfo={setInfo} />}
      about={
        <>
          {end && <Aftermath stream={stream} own={own} end={end} />}
          <About stream={stream} state={state} />
        </>
      }
      aside={
        channelId !== null &&
        known && <ChatPanel user={me?.id ?? null} channelId={channelId} place="aside" title="Chat" />
      }
      more={
        <>
          {stream.description && <p className={classes.description}>{stream.description}</p>}
          <StreamRecordings stream={stream} own={own} soon={end?.awaited ?? false} />
        </>
      }
    />
  );
}

type LiveState = Pick<StreamInfo, "is_live" | "viewer_count" | "started_at">;

function About({ stream, state }: { stream: Stream; state: LiveState }) {
  const { is_live, viewer_count, started_at } = state;
  const owner = stream.owner_nickname || stream.owner_username;
  return (
    <>
      <Title order={1} className={classes.title}>
        {stream.title}
      </Title>
      <div className={classes.meta}>
        <div className={classes.owner}>
          <Avatar size={38} name={owner} aria-hidden="true" />
          <Text fw={600}>{owner}</Text>
        </div>
        <div className={classes.facts}>
          <LiveBadge state={is_live} />
          {is_live === 1 && (
            <span>
              <IconEye size={17} stroke={1.7} aria-hidden="true" />
              <span data-testid="viewers">{viewer_count}</span> watching
            </span>
          )}
          {is_live === 1 && started_at && (
            <span>
              for <Since from={started_at} />
            </span>
          )}
        </div>
        <CopyButton text={`${location.origin}${watchPath(stream)}`} what="Link" />
      </div>
    </>
  );
}

function SignInFirst() {
  const place = useLocation();
  const { me } = useSession();
  // Signed in by now, in another tab perhaps: the query above is on its way.
  if (me) return <Loading />;
  return (
    <Notice icon={IconLock} title="Sign in to watch" level={1}>
      This stream is not open to guests, or it does not exist.
      <Button component={Link} to={signInAddress(place)}>
        Sign in
      </Button>
    </Notice>
  );
}

function NotFound() {
  return (
    <Notice icon={IconMapOff} title="No such stream" level={1}>
      It is private, it was deleted, or the address is wrong.
      <Button component={Link} to="/">
        What else is on
      </Button>
    </Notice>
  );
}

function Loading() {
  return (
    <div role="status" aria-label="Loading the stream">
      <Stage
        player={<div className={classes.blank} />}
        about={
          <>
            <Skeleton height={30} width="min(420px, 80%)" mt={4} />
            <Skeleton height={38} width={180} mt={18} radius="xl" />
          </>
        }
      />
    </div>
  );
}
