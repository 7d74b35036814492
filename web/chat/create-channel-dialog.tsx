import { Button, Group, Modal, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { CATEGORY_MAX, CHANNEL_DESCRIPTION_MAX, CHANNEL_NAME_MAX, ChannelName } from "#contract/chat";
import { asFailure } from "../api/failure.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { toast } from "../ui/toasts.tsx";
import { useCreateChannel } from "./queries.ts";

type Props = {
  opened: boolean;
  close(): void;
  created(name: string): void;
  /** May make private and readonly ones. */
  isModerator: boolean;
};

export function CreateChannelDialog({ opened, close, created, isModerator }: Props) {
  return (
    <Modal opened={opened} onClose={close} title="New channel">
      <Form close={close} created={created} isModerator={isModerator} />
    </Modal>
  );
}

function Form({ close, created, isModerator }: Omit<Props, "opened">) {
  const create = useCreateChannel();
  const [name, setName] = useState("");
  const [category, setCategory] = useState("");
  const [description, setDescription] = useState("");
  const [isPrivate, setPrivate] = useState(false);
  const [isReadonly, setReadonly] = useState(false);
  const [isWrong, setWrong] = useState(false);
  const failure = create.error ? asFailure(create.error) : null;
  const { name: nameError, category: categoryError, description: descriptionError } = failure?.fields ?? {};
  const isTaken = failure?.status === 409;
  const nameFault = isWrong
    ? "1 to 32 letters, digits or hyphens"
    : isTaken
      ? "There is a channel of this name already"
      : nameError;

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const isValid = ChannelName.safeParse(name).success;
    setWrong(!isValid);
    if (!isValid) {
      event.currentTarget.querySelector<HTMLInputElement>("[name=name]")?.focus();
      return;
    }
    create.mutate(
      {
        name,
        description: description.trim(),
        category: category.trim() || "general",
        visibility: isPrivate ? "private" : "public",
        mode: isReadonly ? "readonly" : "open",
      },
      {
        onSuccess: () => {
          toast(`#${name} is ready`);
          created(name);
        },
      },
    );
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && !nameFault && !categoryError && !descriptionError && <FailureAlert failure={failure} />}
        <TextInput
          label="Name"
          name="name"
          data-autofocus
          required
          maxLength={CHANNEL_NAME_MAX}
          autoCapitalize="none"
          leftSection="#"
          value={name}
          error={nameFault}
          // As it will be called: spaces become hyphens.
          onChange={(event) => setName(event.currentTarget.value.toLowerCase().replace(/[\s_]+/g, "-"))}
        />
        <Textarea
          label="What it is about"
          name="description"
          autosize
          minRows={2}
          maxRows={6}
          maxLength={CHANNEL_DESCRIPTION_MAX}
          value={description}
          error={descriptionError}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <TextInput
          label="Category"
          description="Channels of one category stand together."
          name="category"
          placeholder="general"
          maxLength={CATEGORY_MAX}
          value={category}
          error={categoryError}
          onChange={(event) => setCategory(event.currentTarget.value)}
        />
        {isModerator && (
          <>
            <Switch
              label="Private"
              description="Only for those who are let in."
              checked={isPrivate}
              onChange={(event) => setPrivate(event.currentTarget.checked)}
            />
            <Switch
              label="Only moderators write"
              checked={isReadonly}
              onChange={(event) => setReadonly(event.currentTarget.checked)}
            />
          </>
        )}
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
