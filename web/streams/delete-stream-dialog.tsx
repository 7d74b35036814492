import type { Stream } from "../api/streams.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useDeleteStream } from "./queries.ts";

type Props = { stream: Stream; opened: boolean; close(): void };

export function DeleteStreamDialog({ stream, opened, close }: Props) {
  const remove = useDeleteStream(stream.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        remove.reset();
      }}
      title={`Delete “${stream.title}”?`}
      action="Delete the stream"
      pending={remove.isPending}
      error={remove.error}
      confirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => {
            toast(`“${stream.title}” is deleted`);
            close();
          },
        })
      }
    >
      {stream.is_live === 1 && <strong>It is live: the push and everyone's playback end now. </strong>}
      Its key, its watch page, its embeds and its chat stop working for good. This cannot be undone.
    </ConfirmDialog>
  );
}
