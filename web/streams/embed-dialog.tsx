import { Alert, Modal, Text } from "@mantine/core";
import type { Stream } from "../api/streams.ts";
import { CopyButton } from "../ui/copy.tsx";
import { Snippet } from "../ui/snippet.tsx";
import { embedSnippet, watchPath } from "./addresses.ts";

type Props = { stream: Stream; opened: boolean; close(): void };

export function EmbedDialog({ stream, opened, close }: Props) {
  const link = `${location.origin}${watchPath(stream)}`;
  const snippet = embedSnippet(stream, location.origin);
  return (
    <Modal opened={opened} onClose={close} title="Link and embed" size="lg">
      {stream.is_public === 0 && (
        <Alert color="yellow" p="sm" mb="md">
          This stream is private: others see the player only after you make it public.
        </Alert>
      )}
      <Text size="sm" fw={600} mb={6}>
        Watch page
      </Text>
      <Snippet text={link} label="Watch page address" />
      <CopyButton text={link} what="Link" />
      <Text size="sm" fw={600} mt="lg" mb={6}>
        Player for another page
      </Text>
      <Snippet text={snippet} label="Embed code" />
      <CopyButton text={snippet} what="Embed code" />
    </Modal>
  );
}
