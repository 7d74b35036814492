import { Alert, Button, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { TITLE_MAX } from "#contract/streams";
import { Visibility } from "#contract/vods";
import { asFailure } from "../api/failure.ts";
import type { Vod, VodFields } from "../api/vods.ts";
import { toast } from "../ui/toasts.tsx";
import { useUpdateVod } from "./queries.ts";
import { VISIBILITIES } from "./words.ts";

type Named = Pick<Vod, "id" | "title" | "visibility">;
type Props = { vod: Named; opened: boolean; close(): void };

export function EditVodDialog({ vod, opened, close }: Props) {
  const update = useUpdateVod(vod.id);
  const leave = () => {
    close();
    update.reset();
  };
  return (
    <Modal opened={opened} onClose={leave} title="Edit recording">
      <Form
        vod={vod}
        pending={update.isPending}
        error={update.error}
        cancel={leave}
        submit={(fields) =>
          update.mutate(fields, {
            onSuccess: () => {
              toast("Saved");
              leave();
            },
          })
        }
      />
    </Modal>
  );
}

type FormProps = { vod: Named; pending: boolean; error: unknown; cancel(): void; submit(fields: VodFields): void };

function Form({ vod, pending, error, cancel, submit }: FormProps) {
  const [title, setTitle] = useState(vod.title);
  const [visibility, setVisibility] = useState(vod.visibility);
  const [missing, setMissing] = useState(false);
  const failure = error ? asFailure(error) : null;
  const titleError = missing ? "Enter a title" : (failure?.fields.title ?? null);

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const trimmed = title.trim();
    setMissing(trimmed === "");
    if (trimmed === "") event.currentTarget.querySelector<HTMLInputElement>("[name=title]")?.focus();
    else submit({ title: trimmed, visibility });
  };
  return (
    <form onSubmit={send} noValidate>
      <Stack gap="md">
        {failure && !titleError && (
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
          value={title}
          error={titleError}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Radio.Group
          label="Who may watch it"
          value={visibility}
          onChange={(value) => setVisibility(Visibility.parse(value))}
        >
          <Stack gap="sm" mt={8}>
            {Visibility.options.map((each) => (
              <Radio
                key={each}
                value={each}
                label={VISIBILITIES[each].label}
                description={VISIBILITIES[each].explained}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" onClick={cancel}>
            Cancel
          </Button>
          <Button type="submit" loading={pending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
