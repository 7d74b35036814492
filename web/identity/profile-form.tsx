import { Button, Group, NativeSelect, Stack, Switch, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { UserStatus } from "#contract/identity";
import { asFailure } from "../api/failure.ts";
import type { Me } from "../api/identity.ts";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { type Faults, focusFault, sentence } from "../ui/field-faults.ts";
import { toast } from "../ui/toasts.tsx";
import { AvatarFields } from "./avatar-fields.tsx";
import { changesOf, type Draft, draftFaults, draftOf } from "./profile.ts";
import classes from "./profile-form.module.css";
import { useSaveProfile } from "./queries.ts";
import { STATUSES } from "./words.ts";

export function ProfileForm({ me }: { me: Me }) {
  const save = useSaveProfile();
  const form = useRef<HTMLFormElement>(null);
  // What is typed stays when the account is asked for anew.
  const [draft, setDraft] = useState(() => draftOf(me));
  const [wrong, setWrong] = useState<Faults>({});
  const change = (patch: Partial<Draft>) => setDraft((before) => ({ ...before, ...patch }));
  const failure = save.error ? asFailure(save.error) : null;
  const faults = { ...failure?.fields, ...wrong };
  const isChanged = Object.keys(changesOf(me, draft)).length > 0;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isChanged || save.isPending) return;
    const found = draftFaults(draft);
    setWrong(found);
    if (Object.keys(found).length > 0) return focusFault(form.current, found);
    save.mutate(changesOf(me, draft), {
      onSuccess: (saved) => {
        // As the server writes it: without spaces at the ends, initials in capitals.
        if (saved) setDraft(draftOf(saved));
        toast("Saved");
      },
      onError: (error) => focusFault(form.current, asFailure(error).fields),
    });
  };

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && Object.keys(faults).length === 0 && <FailureAlert failure={failure} />}
        <AvatarFields of={me} draft={draft} change={change} faults={faults} />
        <TextInput
          label="Nickname"
          description={`2 to 32 letters, digits, spaces, _ or -. Empty: you are called ${me.username}.`}
          name="nickname"
          autoComplete="nickname"
          maxLength={100}
          value={draft.nickname}
          error={sentence("The nickname", faults.nickname)}
          onChange={(event) => change({ nickname: event.currentTarget.value })}
        />
        <div className={classes.status}>
          <NativeSelect
            label="Status"
            size="md"
            value={draft.status}
            data={UserStatus.options.map((value) => ({ value, label: STATUSES[value] }))}
            onChange={(event) => change({ status: UserStatus.parse(event.currentTarget.value) })}
          />
          <TextInput
            label="Status message"
            name="status_message"
            maxLength={100}
            placeholder="Back at nine"
            value={draft.status_message}
            error={sentence("The message", faults.status_message)}
            onChange={(event) => change({ status_message: event.currentTarget.value })}
          />
        </div>
        <Switch
          label="Anonymous in the chat"
          description={
            "What you write from now on says Anonymous, without your picture and role, to everybody, moderators " +
            "included. What you wrote before keeps your name, whoever is in a channel with you just now sees who " +
            "becomes anonymous, and the server still knows."
          }
          checked={draft.anonymous}
          onChange={(event) => change({ anonymous: event.currentTarget.checked })}
        />
        <Group justify="flex-end" gap="sm">
          {isChanged && (
            <Button
              variant="default"
              onClick={() => {
                setDraft(draftOf(me));
                setWrong({});
                save.reset();
              }}
            >
              Undo
            </Button>
          )}
          <Button type="submit" loading={save.isPending} disabled={!isChanged}>
            Save the profile
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
