import { Alert, Button, Group, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { DESCRIPTION_MAX, TITLE_MAX } from "#contract/streams";
import { asFailure } from "../api/failure.ts";
import type { StreamFields } from "../api/streams.ts";

type Props = {
  initial: StreamFields;
  submitLabel: string;
  pending: boolean;
  error: unknown;
  submit(input: StreamFields): void;
  cancel(): void;
};

const CONFLICT = "You have a stream with this title already";

export function StreamForm({ initial, submitLabel, pending, error, submit, cancel }: Props) {
  const [input, setInput] = useState(initial);
  const [titleMissing, setTitleMissing] = useState(false);
  const change = (patch: Partial<StreamFields>) => setInput({ ...input, ...patch });
  const failure = error ? asFailure(error) : null;
  const fields = failure?.fields ?? {};
  const titleError = titleMissing
    ? "Enter a title"
    : failure?.status === 409
      ? CONFLICT
      : (fields.title ?? fields.name ?? null);
  const elsewhere = failure && !titleError && !fields.description;

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = input.title.trim();
    setTitleMissing(title === "");
    if (title === "") event.currentTarget.querySelector<HTMLInputElement>("[name=title]")?.focus();
    else submit({ ...input, title, allow_unauthenticated: input.is_public && input.allow_unauthenticated });
  };

  return (
    <form onSubmit={send} noValidate>
      <Stack gap="md">
        {elsewhere && (
          <Alert color="coral" role="alert" p="sm">
            {failure.message}
            {failure.requestId && <Text size="xs">Request {failure.requestId}</Text>}
          </Alert>
        )}
        <TextInput
          label="Title"
          name="title"
          data-autofocus
          required
          maxLength={TITLE_MAX}
          value={input.title}
          error={titleError}
          onChange={(event) => change({ title: event.currentTarget.value })}
        />
        <Textarea
          label="Description"
          name="description"
          autosize
          minRows={3}
          maxRows={8}
          maxLength={DESCRIPTION_MAX}
          value={input.description}
          error={fields.description}
          onChange={(event) => change({ description: event.currentTarget.value })}
        />
        <Switch
          label="Public"
          description="Listed for everyone who is signed in. A private stream is for you alone."
          checked={input.is_public}
          onChange={(event) => change({ is_public: event.currentTarget.checked })}
        />
        <Switch
          label="Watch without an account"
          description="Guests may watch it, too."
          checked={input.is_public && input.allow_unauthenticated}
          disabled={!input.is_public}
          onChange={(event) => change({ allow_unauthenticated: event.currentTarget.checked })}
        />
        <Switch
          label="Record"
          description="Each broadcast leaves a recording in your library. A change counts from the next one."
          checked={input.record}
          onChange={(event) => change({ record: event.currentTarget.checked })}
        />
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" onClick={cancel}>
            Cancel
          </Button>
          <Button type="submit" loading={pending}>
            {submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
