import { Button, Group, Radio, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { SshKeyInput, SshKeyType } from "#contract/credentials";
import type { CreatedSshKey } from "../api/credentials.ts";
import { asFailure } from "../api/failure.ts";
import { CopyButton } from "../ui/copy.tsx";
import { DownloadButton } from "../ui/download-button.tsx";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { HeldDialog } from "../ui/held-dialog.tsx";
import { Snippet } from "../ui/snippet.tsx";
import { useCreateSshKey } from "./credential-queries.ts";
import { SSH_KEY_TYPES, sshKeyFile } from "./credential-words.ts";

type Create = ReturnType<typeof useCreateSshKey>;
type Props = { opened: boolean; close(): void };

export function CreateSshKeyDialog({ opened, close }: Props) {
  const create = useCreateSshKey();
  const made = create.data;
  return (
    <HeldDialog
      opened={opened}
      close={close}
      gone={create.reset}
      title={made ? "The pair is ready" : "New SSH key"}
      held={made !== undefined || create.isPending}
    >
      {made ? <Made made={made} close={close} /> : <Form create={create} close={close} />}
    </HeldDialog>
  );
}

function Made({ made, close }: { made: CreatedSshKey; close(): void }) {
  const file = sshKeyFile(made);
  return (
    <Stack gap="md">
      <div>
        <Text size="sm" fw={500} mb={5}>
          Private key
        </Text>
        <Snippet label="Private key" text={made.private_key} />
        <Group gap="sm">
          <CopyButton text={made.private_key} what="Private key" />
          <DownloadButton text={made.private_key} name={file} what="Private key" />
        </Group>
      </div>
      <Text size="sm">
        It is shown this once and is kept nowhere. Put it under <code>~/.ssh</code>, readable by you alone:{" "}
        <code>chmod 600 {file}</code>.
      </Text>
      <div>
        <Text size="sm" fw={500} mb={5}>
          Public key, for a server's authorized_keys
        </Text>
        <Snippet label="Public key" text={made.public_key} />
        <CopyButton text={made.public_key} what="Public key" />
      </div>
      <Group justify="flex-end">
        <Button onClick={close}>I have it</Button>
      </Group>
    </Stack>
  );
}

function Form({ create, close }: { create: Create; close(): void }) {
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState("");
  const [type, setType] = useState<SshKeyType>("ed25519");
  const [wrong, setWrong] = useState<Faults>({});
  const failure = create.error ? asFailure(create.error) : null;
  const faults = { ...failure?.fields, ...wrong };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (create.isPending) return;
    const input = { name, key_type: type };
    const found = faultsOf(SshKeyInput, input);
    setWrong(found);
    if (Object.keys(found).length > 0) focusFault(form.current, found);
    else create.mutate(input, { onError: (error) => focusFault(form.current, asFailure(error).fields) });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && Object.keys(faults).length === 0 && <FailureAlert failure={failure} />}
        <TextInput
          label="Name"
          description="Of the device that keeps the private key, perhaps."
          name="name"
          data-autofocus
          autoComplete="off"
          maxLength={100}
          value={name}
          error={sentence("The name", faults.name)}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Radio.Group label="Type" value={type} onChange={(value) => setType(SshKeyType.parse(value))}>
          <Stack gap="xs" mt={8}>
            {SshKeyType.options.map((value) => (
              <Radio
                key={value}
                value={value}
                label={SSH_KEY_TYPES[value].label}
                description={SSH_KEY_TYPES[value].explained}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" disabled={create.isPending} onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the pair
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
