import { Button, Group, Stack, Text } from "@mantine/core";
import type { ListedUser } from "../api/users.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { HeldDialog } from "../ui/held-dialog.tsx";
import { useResetPassword } from "./queries.ts";
import { SecretOnce } from "./secret-once.tsx";

type Props = { user: ListedUser; opened: boolean; close(): void };

export function ResetPasswordDialog({ user, opened, close }: Props) {
  const reset = useResetPassword(user.id);
  const isShown = reset.data !== undefined;
  return (
    <HeldDialog
      opened={opened}
      close={close}
      gone={reset.reset}
      title={isShown ? `${user.username} has a new password` : `Reset the password of ${user.username}?`}
      held={isShown || reset.isPending}
    >
      {reset.data !== undefined ? (
        <SecretOnce username={user.username} password={reset.data} done={close} />
      ) : (
        <Stack gap="md">
          <Text>
            The password of now stops working and {user.username} is signed out everywhere. A new one is made and shown
            to you once.
          </Text>
          {reset.error && <FailureAlert failure={reset.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" disabled={reset.isPending} onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="coral" loading={reset.isPending} onClick={() => reset.mutate(undefined)}>
              Reset the password
            </Button>
          </Group>
        </Stack>
      )}
    </HeldDialog>
  );
}
