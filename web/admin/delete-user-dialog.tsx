import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { ListedUser } from "../api/users.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { toast } from "../ui/toasts.tsx";
import { useDeleteUser } from "./queries.ts";

type Props = { user: ListedUser; opened: boolean; close(): void };

export function DeleteUserDialog({ user, opened, close }: Props) {
  return (
    <Modal opened={opened} onClose={close} title={`Delete ${user.username}?`}>
      <Form user={user} close={close} />
    </Modal>
  );
}

function Form({ user, close }: Omit<Props, "opened">) {
  const remove = useDeleteUser(user.id);
  const [typed, setTyped] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const isRight = typed.trim() === user.username;
    setWrong(!isRight);
    if (!isRight) {
      event.currentTarget.querySelector("input")?.focus();
      return;
    }
    remove.mutate(undefined, {
      onSuccess: ({ message }) => {
        toast(message);
        close();
      },
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text>
          With the account go its streams and their chats, its recordings, its sessions and memberships. What is live is
          cut off. What it wrote in others' channels stays, under its name. This cannot be undone.
        </Text>
        {remove.error && <FailureAlert failure={remove.error} />}
        <TextInput
          label={`Type ${user.username} to confirm`}
          data-autofocus
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={typed}
          error={isWrong ? `That is not ${user.username}` : null}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" color="coral" loading={remove.isPending}>
            Delete the account
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
