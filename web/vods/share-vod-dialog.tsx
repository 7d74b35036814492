import { Alert, Modal, Text } from "@mantine/core";
import type { Vod } from "../api/vods.ts";
import { CopyButton } from "../ui/copy.tsx";
import { Snippet } from "../ui/snippet.tsx";
import { vodEmbedSnippet, vodPath } from "./addresses.ts";

type Props = { vod: Pick<Vod, "public_id" | "visibility">; opened: boolean; close(): void };

export function ShareVodDialog({ vod, opened, close }: Props) {
  const link = `${location.origin}${vodPath(vod)}`;
  const snippet = vodEmbedSnippet(vod, location.origin);
  return (
    <Modal opened={opened} onClose={close} title="Link and embed" size="lg">
      {vod.visibility === "private" && (
        <Alert color="yellow" p="sm" mb="md">
          This recording is private: others see it only after you make it public or unlisted.
        </Alert>
      )}
      <Text size="sm" fw={600} mb={6}>
        Page
      </Text>
      <Snippet text={link} label="Page address" />
      <CopyButton text={link} what="Link" />
      <Text size="sm" c="dimmed" mt={8}>
        Add #t=90 to begin a minute and a half into it.
      </Text>
      <Text size="sm" fw={600} mt="lg" mb={6}>
        Player for another page
      </Text>
      <Snippet text={snippet} label="Embed code" />
      <CopyButton text={snippet} what="Embed code" />
    </Modal>
  );
}
