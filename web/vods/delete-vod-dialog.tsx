import { ApiFailure, asFailure } from "../api/failure.ts";
import type { Vod } from "../api/vods.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useDeleteVod } from "./queries.ts";

type Props = { vod: Pick<Vod, "id" | "title">; opened: boolean; close(): void; deleted?(): void };

export function DeleteVodDialog({ vod, opened, close, deleted }: Props) {
  const remove = useDeleteVod(vod.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        remove.reset();
      }}
      title={`Delete “${vod.title}”?`}
      action="Delete the recording"
      pending={remove.isPending}
      error={remove.error && explained(remove.error)}
      confirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => {
            toast(`“${vod.title}” is deleted`);
            close();
            deleted?.();
          },
        })
      }
    >
      Its files, its page and its embeds are gone for good. This cannot be undone.
    </ConfirmDialog>
  );
}

/** What a refusal means for somebody who wants it gone. */
function explained(error: unknown): ApiFailure {
  const failure = asFailure(error);
  if (failure.status !== 409) return failure;
  return new ApiFailure({
    kind: "refused",
    status: 409,
    message: "It is still being recorded. End the broadcast first, then delete it.",
    requestId: failure.requestId,
  });
}
