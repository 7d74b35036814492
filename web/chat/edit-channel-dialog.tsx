import { Button, Group, Modal, NativeSelect, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { CHANNEL_DESCRIPTION_MAX, TOPIC_MAX } from "#contract/chat";
import type { ChannelInfo } from "#contract/chat-frames";
import { asFailure } from "../api/failure.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { toast } from "../ui/toasts.tsx";
import { useUpdateChannel } from "./queries.ts";
import { pauseWords } from "./words.ts";

const PAUSES = [0, 5, 10, 30, 60, 300, 900, 3_600, 21_600];

type Props = { info: ChannelInfo; opened: boolean; close(): void };

export function EditChannelDialog({ info, opened, close }: Props) {
  return (
    <Modal opened={opened} onClose={close} title={`Edit ${info.stream_name ?? `#${info.name}`}`}>
      <Form info={info} close={close} />
    </Modal>
  );
}

function Form({ info, close }: Pick<Props, "info" | "close">) {
  const update = useUpdateChannel(info.id);
  const [topic, setTopic] = useState(info.topic);
  const [description, setDescription] = useState(info.description);
  const [pause, setPause] = useState(info.slowmode_seconds);
  const [isReadonly, setReadonly] = useState(info.mode === "readonly");
  const failure = update.error ? asFailure(update.error) : null;
  const { topic: topicError, description: descriptionError } = failure?.fields ?? {};
  // An unusual one that was set through the API stays to be chosen.
  const pauses = [...new Set([...PAUSES, info.slowmode_seconds])].sort((a, b) => a - b);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const mode = isReadonly ? "readonly" : "open";
    update.mutate(
      { topic: topic.trim(), description: description.trim(), slowmode_seconds: pause, mode },
      {
        onSuccess: () => {
          toast("Saved");
          close();
        },
      },
    );
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && !topicError && !descriptionError && <FailureAlert failure={failure} />}
        <TextInput
          label="Topic"
          description="Shown above the messages."
          name="topic"
          data-autofocus
          maxLength={TOPIC_MAX}
          value={topic}
          error={topicError}
          onChange={(event) => setTopic(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          name="description"
          autosize
          minRows={2}
          maxRows={6}
          maxLength={CHANNEL_DESCRIPTION_MAX}
          value={description}
          error={descriptionError}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <NativeSelect
          label="Slow mode"
          description="How long people wait between two messages. Moderators do not."
          size="md"
          value={pause}
          onChange={(event) => setPause(Number(event.currentTarget.value))}
          data={pauses.map((seconds) => ({ value: String(seconds), label: pauseWords(seconds) }))}
        />
        <Switch
          label="Only moderators write"
          checked={isReadonly}
          onChange={(event) => setReadonly(event.currentTarget.checked)}
        />
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={update.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
