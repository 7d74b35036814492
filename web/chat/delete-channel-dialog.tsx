import type { Channel } from "../api/chat.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useDeleteChannel } from "./queries.ts";

type Props = { channel: Channel; opened: boolean; close(): void; deleted(): void };

export function DeleteChannelDialog({ channel, opened, close, deleted }: Props) {
  const remove = useDeleteChannel(channel.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        remove.reset();
      }}
      title={`Delete #${channel.name}?`}
      action="Delete the channel"
      pending={remove.isPending}
      error={remove.error}
      confirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => {
            toast(`#${channel.name} is deleted`);
            close();
            deleted();
          },
        })
      }
    >
      Every message in it is deleted with it, for everybody. This cannot be undone.
    </ConfirmDialog>
  );
}
