import { Button, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { z } from "zod";
import { NewUsername, UserRole } from "#contract/identity";
import { asFailure } from "../api/failure.ts";
import { USERNAME_RULE } from "../identity/words.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { HeldDialog } from "../ui/held-dialog.tsx";
import { useCreateUser } from "./queries.ts";
import { SecretOnce } from "./secret-once.tsx";
import { ROLES } from "./words.ts";

type Props = { opened: boolean; close(): void; roles: UserRole[] };

const Input = z.object({ username: NewUsername });

export function CreateUserDialog({ opened, close, roles }: Props) {
  const create = useCreateUser();
  const made = create.data;
  return (
    <HeldDialog
      opened={opened}
      close={close}
      gone={create.reset}
      title={made ? `${made.username} can sign in` : "New account"}
      held={made !== undefined || create.isPending}
    >
      {made ? <SecretOnce {...made} done={close} /> : <Form create={create} close={close} roles={roles} />}
    </HeldDialog>
  );
}

type FormProps = Omit<Props, "opened"> & { create: ReturnType<typeof useCreateUser> };

function Form({ create, close, roles }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<UserRole>("user");
  const [wrong, setWrong] = useState<Faults>({});
  const failure = create.error ? asFailure(create.error) : null;
  const fault = wrong.username ?? failure?.fields.username;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = { username: username.trim(), role };
    const faults = faultsOf(Input, wanted);
    setWrong(faults);
    if (Object.keys(faults).length > 0) focusFault(form.current, faults);
    else create.mutate(wanted, { onError: (error) => focusFault(form.current, asFailure(error).fields) });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && !fault && <FailureAlert failure={failure} />}
        <TextInput
          label="Username"
          name="username"
          description={USERNAME_RULE}
          data-autofocus
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={username}
          error={sentence("The username", fault)}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <NativeSelect
          label="Role"
          size="md"
          description={ROLES[role].explained}
          value={role}
          data={roles.map((value) => ({ value, label: ROLES[value].label }))}
          onChange={(event) => setRole(UserRole.parse(event.currentTarget.value))}
        />
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" disabled={create.isPending} onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the account
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
