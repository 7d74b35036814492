import { Button, Skeleton, Stack, Title } from "@mantine/core";
import { useDisclosure, useDocumentTitle } from "@mantine/hooks";
import { IconBroadcast, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import { CreateStreamDialog } from "./create-stream-dialog.tsx";
import classes from "./own-streams-page.module.css";
import { useOwnStreams } from "./queries.ts";
import { StreamCard } from "./stream-card.tsx";

export function OwnStreamsPage() {
  useDocumentTitle("My streams · Sluice");
  const streams = useOwnStreams();
  const [creating, dialog] = useDisclosure(false);
  /** The stream just made shows at once how to publish to it. */
  const [fresh, setFresh] = useState<number | null>(null);
  const list = streams.data;

  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <Title order={1}>My streams</Title>
        {list && list.length > 0 && (
          <Button leftSection={<IconPlus size={19} />} onClick={dialog.open}>
            New stream
          </Button>
        )}
      </div>
      {list === undefined && streams.error && (
        <FailureNotice failure={streams.error} retry={() => void streams.refetch()} />
      )}
      {list === undefined && !streams.error && <Loading />}
      {list?.length === 0 && (
        <Notice icon={IconBroadcast} title="Your first stream">
          A stream has a key for your encoder and a page for your viewers. It takes a title to make one.
          <Button leftSection={<IconPlus size={19} />} onClick={dialog.open}>
            New stream
          </Button>
        </Notice>
      )}
      {list && list.length > 0 && (
        <Stack component="ul" gap="md" className={classes.list}>
          {list.map((stream) => (
            <StreamCard key={stream.id} stream={stream} startsOpen={stream.id === fresh || list.length === 1} />
          ))}
        </Stack>
      )}
      <CreateStreamDialog opened={creating} close={dialog.close} created={setFresh} />
    </div>
  );
}

function Loading() {
  return (
    <Stack gap="md" role="status" aria-label="Loading your streams">
      {[0, 1, 2].map((row) => (
        <Skeleton key={row} height={118} radius="lg" />
      ))}
    </Stack>
  );
}
