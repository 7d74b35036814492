import { Button, Modal, Skeleton, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { Vod } from "../api/vods.ts";
import { clock } from "../player/vod/clock.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import classes from "./download-dialog.module.css";
import { useOwnVod } from "./queries.ts";
import { picture, size } from "./words.ts";

type Props = { vod: Pick<Vod, "id" | "title">; opened: boolean; close(): void };

export function DownloadDialog({ vod, opened, close }: Props) {
  return (
    <Modal opened={opened} onClose={close} title={`Download “${vod.title}”`}>
      {opened && <Files id={vod.id} />}
    </Modal>
  );
}

/** Asked for when the dialog opens: the addresses are good for an hour. */
function Files({ id }: { id: number }) {
  const { data, error, isFetching, refetch } = useOwnVod(id, true);
  if (error && !isFetching) return <FailureNotice failure={error} retry={() => void refetch()} />;
  if (!data || isFetching) return <Skeleton height={64} radius="md" role="status" aria-label="Loading the files" />;
  const files = data.parts.flatMap((part) => (part.download_url ? [{ ...part, url: part.download_url }] : []));
  const only = files.length === 1;
  return (
    <>
      <Text size="sm" c="dimmed" mb="md">
        {files.length === 0
          ? "There is no file yet."
          : only
            ? "One MP4 file, as it was sent."
            : `${files.length} MP4 files: a new one begins where the broadcast was interrupted or its picture changed.`}
      </Text>
      <Stack component="ul" gap="xs" className={classes.files}>
        {files.map((file) => (
          <li key={file.n} className={classes.file}>
            <div>
              <Text fw={600}>{only ? "The recording" : `Part ${file.n}`}</Text>
              <Text size="sm" c="dimmed">
                {clock(file.duration)} · {picture(file)} · {size(file.size)}
              </Text>
            </div>
            <Button
              component="a"
              href={file.url}
              download
              size="sm"
              leftSection={<IconDownload size={17} />}
              aria-label={only ? "Download the recording" : `Download part ${file.n}`}
            >
              Download
            </Button>
          </li>
        ))}
      </Stack>
    </>
  );
}
