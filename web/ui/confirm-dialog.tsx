import { Box, Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { FailureAlert } from "./failure-alert.tsx";

type Props = {
  opened: boolean;
  close(): void;
  title: string;
  /** The button's words: what will happen, not "OK". */
  action: string;
  pending: boolean;
  error: unknown;
  confirm(): void;
  /** What is lost. */
  children: ReactNode;
};

/** Asks before something that cannot be taken back. The focus starts on the way out. */
export function ConfirmDialog({ opened, close, title, action, pending, error, confirm, children }: Props) {
  return (
    <Modal opened={opened} onClose={close} title={title}>
      <Text component="div">{children}</Text>
      {error !== null && (
        <Box mt="md">
          <FailureAlert failure={error} />
        </Box>
      )}
      <Group justify="flex-end" gap="sm" mt="lg">
        <Button variant="default" onClick={close} data-autofocus>
          Cancel
        </Button>
        <Button color="coral" loading={pending} onClick={confirm}>
          {action}
        </Button>
      </Group>
    </Modal>
  );
}
