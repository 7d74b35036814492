import { Button, Group, NativeSelect, Radio, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { ApiKeyInput } from "#contract/credentials";
import type { CreatedApiKey } from "../api/credentials.ts";
import { asFailure } from "../api/failure.ts";
import type { Me } from "../api/identity.ts";
import { CopyButton } from "../ui/copy.tsx";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { HeldDialog } from "../ui/held-dialog.tsx";
import { SecretField } from "../ui/secret-field.tsx";
import { Snippet } from "../ui/snippet.tsx";
import { useCreateApiKey } from "./credential-queries.ts";
import { ALL_SCOPES, curlExample, USER_SCOPES } from "./credential-words.ts";

type Create = ReturnType<typeof useCreateApiKey>;
type Props = { me: Me; opened: boolean; close(): void };

export function CreateApiKeyDialog({ me, opened, close }: Props) {
  const create = useCreateApiKey();
  const made = create.data;
  return (
    <HeldDialog
      opened={opened}
      close={close}
      gone={create.reset}
      title={made ? "The key is ready" : "New API key"}
      held={made !== undefined || create.isPending}
    >
      {made ? <Made made={made} close={close} /> : <Form me={me} create={create} close={close} />}
    </HeldDialog>
  );
}

function Made({ made, close }: { made: CreatedApiKey; close(): void }) {
  const example = curlExample(location.origin, made.api_key);
  return (
    <Stack gap="md">
      <SecretField label={made.name} value={made.api_key} what="Key" />
      <Text size="sm">It is shown this once and can be looked up nowhere. Whoever has it acts as you.</Text>
      <div>
        <Text size="sm" fw={500} mb={5}>
          Try it
        </Text>
        <Snippet label="Command" text={example} />
        <CopyButton text={example} what="Command" />
      </div>
      <Group justify="flex-end">
        <Button onClick={close}>I have it</Button>
      </Group>
    </Stack>
  );
}

/** A choice beside two lists of scopes. */
const OWN = "own";

const EXPIRIES = [
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "", label: "Never" },
] as const;

function Form({ me, create, close }: { me: Me; create: Create; close(): void }) {
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState("");
  const [access, setAccess] = useState<string>(ALL_SCOPES);
  const [own, setOwn] = useState("");
  const [days, setDays] = useState("90");
  const [wrong, setWrong] = useState<Faults>({});
  const failure = create.error ? asFailure(create.error) : null;
  const faults = { ...failure?.fields, ...wrong };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (create.isPending) return;
    const input = {
      name,
      expires_in_days: days === "" ? null : Number(days),
      ...(me.is_admin && { scopes: access === OWN ? own : access }),
    };
    const found = faultsOf(ApiKeyInput, input);
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
          description="Of what uses it, so that you know later."
          name="name"
          data-autofocus
          autoComplete="off"
          maxLength={100}
          value={name}
          error={sentence("The name", faults.name)}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {me.is_admin && (
          <Radio.Group label="What it may do" value={access} onChange={setAccess}>
            <Stack gap="xs" mt={8}>
              <Radio value={ALL_SCOPES} label="Everything" description="All that you may do as an admin." />
              <Radio
                value={USER_SCOPES}
                label="As an ordinary user"
                description="Your own streams, recordings and chat."
              />
              <Radio value={OWN} label="Only these scopes" description="For programs that say which they need." />
            </Stack>
          </Radio.Group>
        )}
        {me.is_admin && access === OWN && (
          <TextInput
            label="Scopes"
            description="With commas between, such as services:read,access:nas."
            name="scopes"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={own}
            error={sentence("The scopes", faults.scopes)}
            onChange={(event) => setOwn(event.currentTarget.value)}
          />
        )}
        <NativeSelect
          label="Expires"
          size="md"
          value={days}
          data={[...EXPIRIES]}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" disabled={create.isPending} onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
