import { useEffect, useState } from "react";
import type { ListedUser, UserRole } from "../api/users.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useChangeRole } from "./queries.ts";
import { oneOf, ROLES } from "./words.ts";

type Props = {
  user: ListedUser;
  /** What the user shall be; null: nothing was asked. */
  role: UserRole | null;
  close(): void;
};

export function ChangeRoleDialog({ user, role, close }: Props) {
  const change = useChangeRole(user.id);
  // The words stay while the dialog fades out.
  const [last, setLast] = useState<UserRole>(user.role);
  useEffect(() => {
    if (role) setLast(role);
  }, [role]);
  const wanted = role ?? last;
  return (
    <ConfirmDialog
      opened={role !== null}
      close={() => {
        close();
        change.reset();
      }}
      title={`Make ${user.username} ${oneOf(wanted)}?`}
      action={`Make ${user.username} ${oneOf(wanted)}`}
      pending={change.isPending}
      error={change.error}
      confirm={() =>
        change.mutate(wanted, {
          onSuccess: ({ message }) => {
            toast(message);
            close();
          },
        })
      }
    >
      <strong>{ROLES[wanted].label}:</strong> {ROLES[wanted].explained} {user.username} is signed out everywhere, and
      has the new role after signing in again.
    </ConfirmDialog>
  );
}
