import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ListedUser } from "../api/users.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { useResetPassword } from "./queries.ts";
import { SecretOnce } from "./secret-once.tsx";

type Props = { user: ListedUser; opened: boolean; close(): void };

export function ResetPasswordDialog({ user, opened, close }: Props) {
  const reset = useResetPassword(user.id);
  const isShown = reset.data !== undefined;
  // Whoever left now would never see the password that is made.
  const isHeld = isShown || reset.isPending;
  return (
    <Modal
      opened={opened}
      onClose={close}
      // Not before: what was shown once must not be seen to vanish.
      onExitTransitionEnd={reset.reset}
      title={isShown ? `${user.username} has a new password` : `Reset the password of ${user.username}?`}
      withCloseButton={!isHeld}
      closeOnClickOutside={!isHeld}
      closeOnEscape={!isHeld}
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
    </Modal>
  );
}
