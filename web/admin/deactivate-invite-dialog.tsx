import type { Invite } from "../api/users.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useDeactivateInvite } from "./queries.ts";

type Props = { invite: Invite; isToday: boolean; opened: boolean; close(): void };

export function DeactivateInviteDialog({ invite, isToday, opened, close }: Props) {
  const deactivate = useDeactivateInvite(invite.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        deactivate.reset();
      }}
      title="Deactivate this code?"
      action="Deactivate"
      pending={deactivate.isPending}
      error={deactivate.error}
      confirm={() =>
        deactivate.mutate(undefined, {
          onSuccess: () => {
            toast("The code lets nobody in any more");
            close();
          },
        })
      }
    >
      {invite.code} and its link let nobody in any more. Accounts that came by it stay.{" "}
      {isToday && "Today gets another code at once."}
    </ConfirmDialog>
  );
}
