import { Button, Skeleton, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconBroadcast } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Stream } from "../api/streams.ts";
import { useSession } from "../identity/session.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import classes from "./home-page.module.css";
import { useListedStreams } from "./queries.ts";
import { StreamTile } from "./stream-tile.tsx";

/** What can be watched. Guests learn first where they are. */
export function HomePage() {
  useDocumentTitle("Sluice");
  const { me, known, failure, retry } = useSession();
  const audience = me ? "member" : "guest";
  const streams = useListedStreams(audience, known);
  const problem = failure ?? (streams.data === undefined ? streams.error : null);

  return (
    <div className={classes.page}>
      {known && !me && <Welcome />}
      {me && <Title order={1}>Watch</Title>}
      {problem ? (
        <FailureNotice
          failure={problem}
          retry={() => {
            retry();
            void streams.refetch();
          }}
        />
      ) : streams.data === undefined ? (
        <Loading />
      ) : (
        <Listed streams={streams.data} audience={audience} />
      )}
    </div>
  );
}

function Welcome() {
  return (
    <section className={classes.welcome}>
      <Title order={1} className={classes.claim}>
        Live video from your own machines
      </Title>
      <p>
        Push from OBS or FFmpeg and watch in any browser a moment later. Sluice decides at the edge and keeps the media
        on boxes that are yours.
      </p>
      <Button component={Link} to="/login" size="md">
        Sign in to publish
      </Button>
    </section>
  );
}

function Listed({ streams, audience }: { streams: Stream[]; audience: "guest" | "member" }) {
  const live = streams.filter(({ is_live }) => is_live === 1);
  const rest = streams.filter(({ is_live }) => is_live !== 1);
  if (streams.length === 0) {
    return audience === "guest" ? (
      <Notice icon={IconBroadcast} title="Nothing is live right now">
        Streams that are open to guests appear here by themselves.
      </Notice>
    ) : (
      <Notice icon={IconBroadcast} title="No public streams yet">
        Be the first: a public stream of yours shows up here.
        <Button component={Link} to="/streams">
          My streams
        </Button>
      </Notice>
    );
  }
  return (
    <>
      <Grid title="Live now" streams={live} />
      <Grid title="Offline" streams={rest} />
    </>
  );
}

function Grid({ title, streams }: { title: string; streams: Stream[] }) {
  if (streams.length === 0) return null;
  return (
    <section className={classes.section}>
      <Title order={2} className={classes.heading}>
        {title}
      </Title>
      <ul className={classes.grid}>
        {streams.map((stream) => (
          <StreamTile key={stream.id} stream={stream} />
        ))}
      </ul>
    </section>
  );
}

function Loading() {
  return (
    <div className={classes.section} role="status" aria-label="Loading streams">
      <div className={classes.grid}>
        {[0, 1, 2].map((tile) => (
          <div key={tile}>
            <Skeleton radius="lg" style={{ aspectRatio: "16 / 9", height: "auto" }} />
            <Skeleton height={18} mt={14} width="70%" />
            <Skeleton height={14} mt={8} width="40%" />
          </div>
        ))}
      </div>
    </div>
  );
}
