import { Alert, Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { asFailure } from "../api/failure.ts";

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
  const failure = error ? asFailure(error) : null;
  return (
    <Modal opened={opened} onClose={close} title={title}>
      <Text component="div">{children}</Text>
      {failure && (
        <Alert color="coral" role="alert" p="sm" mt="md">
          {failure.message}
          {failure.requestId && <Text size="xs">Request {failure.requestId}</Text>}
        </Alert>
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
