import { Avatar, Button, Skeleton, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconLock, IconMapOff } from "@tabler/icons-react";
import { Link, useLocation, useNavigate, useParams } from "react-router";
import { asFailure } from "../api/failure.ts";
import type { PublicVod } from "../api/vods.ts";
import { signInAddress } from "../identity/next-page.ts";
import { useSession } from "../identity/session.ts";
import { clock } from "../player/vod/clock.ts";
import { watchPath } from "../streams/addresses.ts";
import { CopyButton } from "../ui/copy.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import stage from "../ui/stage.module.css";
import { Stage } from "../ui/stage.tsx";
import { When } from "../ui/when.tsx";
import { vodPath } from "./addresses.ts";
import { PendingPicture } from "./pending-picture.tsx";
import { useOwnVod, useVod } from "./queries.ts";
import { StatusChip } from "./status-chip.tsx";
import { Timeline } from "./timeline.tsx";
import { VisibilityMark } from "./visibility-mark.tsx";
import { VodMenu } from "./vod-menu.tsx";
import classes from "./vod-page.module.css";
import { VodPlayer } from "./vod-player.tsx";
import { isMoving, size, statusExplained } from "./words.ts";

export function VodPage() {
  const { publicId = "" } = useParams();
  const vod = useVod(publicId);
  useDocumentTitle(vod.data ? `${vod.data.title} · Sluice` : "Sluice");
  const status = vod.error ? asFailure(vod.error).status : 0;
  if (status === 400 || status === 401 || status === 403 || status === 404) return <NotFound />;
  if (vod.data) return <Recording vod={vod.data} />;
  if (vod.error) return <FailureNotice failure={vod.error} retry={() => void vod.refetch()} />;
  return <Loading />;
}

function Recording({ vod }: { vod: PublicVod }) {
  const { playback_url } = vod;
  return (
    <Stage
      player={playback_url === null ? <Pending vod={vod} /> : <VodPlayer vod={{ ...vod, playback_url }} />}
      about={<About vod={vod} />}
    />
  );
}

/** To its owner the reason of a failure is told. */
function Pending({ vod }: { vod: PublicVod }) {
  const own = useOwnCopy(vod, vod.status === "failed");
  const { stream_public_key: key } = vod;
  return <PendingPicture vod={{ ...vod, error: own?.error }} livePath={key && watchPath({ public_key: key })} />;
}

function useOwnCopy(vod: PublicVod, wanted: boolean) {
  const { me } = useSession();
  return useOwnVod(vod.id, wanted && me?.username === vod.owner_username).data;
}

function About({ vod }: { vod: PublicVod }) {
  const { me } = useSession();
  const navigate = useNavigate();
  const own = me?.username === vod.owner_username;
  const explained = vod.playback_url !== null && (isMoving(vod) || vod.status === "truncated") && statusExplained(vod);
  return (
    <>
      <Title order={1} className={stage.title}>
        {vod.title}
      </Title>
      <div className={stage.meta}>
        <div className={stage.owner}>
          <Avatar size={38} name={vod.owner_username} aria-hidden="true" />
          <div className={classes.origin}>
            <Text fw={600}>{vod.owner_username}</Text>
            <Origin vod={vod} />
          </div>
        </div>
        <div className={stage.facts}>
          {vod.status !== "ready" && <StatusChip status={vod.status} />}
          <When at={vod.started_at} />
          {vod.duration > 0 && <span>{clock(vod.duration)}</span>}
          {vod.size > 0 && <span>{size(vod.size)}</span>}
          {own && <VisibilityMark visibility={vod.visibility} />}
        </div>
        <div className={classes.actions}>
          <CopyButton text={`${location.origin}${vodPath(vod)}`} what="Link" />
          {own && <VodMenu vod={vod} deleted={() => void navigate("/library")} />}
        </div>
      </div>
      {explained && <p className={classes.note}>{explained}</p>}
      <Timeline vod={vod} />
    </>
  );
}

function Origin({ vod: { stream_name, stream_public_key } }: { vod: PublicVod }) {
  if (!stream_name) return null;
  return (
    <Text size="sm" c="dimmed" component="div">
      {stream_public_key ? <Link to={watchPath({ public_key: stream_public_key })}>{stream_name}</Link> : stream_name}
    </Text>
  );
}

function NotFound() {
  const place = useLocation();
  const { me, known } = useSession();
  const guest = known && !me;
  return (
    <Notice icon={guest ? IconLock : IconMapOff} title="No such recording" level={1}>
      {guest
        ? "It was deleted, the address is wrong, or it is private: then its owner has to sign in."
        : "It is private, it was deleted, or the address is wrong."}
      {guest ? (
        <Button component={Link} to={signInAddress(place)}>
          Sign in
        </Button>
      ) : (
        <Button component={Link} to="/library">
          To the library
        </Button>
      )}
    </Notice>
  );
}

function Loading() {
  return (
    <div role="status" aria-label="Loading the recording">
      <Stage
        player={<div className={stage.blank} />}
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
