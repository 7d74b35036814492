import { Button, Group, Modal, NumberInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { InviteInput } from "#contract/identity";
import { asFailure } from "../api/failure.ts";
import type { CreatedInvite } from "../api/users.ts";
import { CopyButton } from "../ui/copy.tsx";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { Snippet } from "../ui/snippet.tsx";
import { useCreateInvite } from "./queries.ts";
import { INVITE_TYPES, inviteLink } from "./words.ts";

type Props = { opened: boolean; close(): void };

/** A day's code is there by itself. */
const TYPES = ["single_use", "timed"] as const;
type MadeType = (typeof TYPES)[number];
const TIMED_DAYS = 30;

export function CreateInviteDialog({ opened, close }: Props) {
  const [made, setMade] = useState<CreatedInvite | null>(null);
  return (
    <Modal
      opened={opened}
      onClose={close}
      onExitTransitionEnd={() => setMade(null)}
      title={made ? "The code is ready" : "New code"}
    >
      {made ? <Made invite={made} close={close} /> : <Form close={close} made={setMade} />}
    </Modal>
  );
}

function Made({ invite, close }: { invite: CreatedInvite; close(): void }) {
  const link = inviteLink(invite, location.origin);
  return (
    <Stack gap="md">
      <Text>Whoever opens this link makes an account with the code filled in. You find it in the list, too.</Text>
      <Snippet label="Link" text={link} />
      <Group justify="flex-end" gap="sm">
        <Button variant="default" size="sm" onClick={close}>
          Close
        </Button>
        <CopyButton text={link} what="Link" />
      </Group>
    </Stack>
  );
}

function Form({ close, made }: { close(): void; made(invite: CreatedInvite): void }) {
  const create = useCreateInvite();
  const form = useRef<HTMLFormElement>(null);
  const [type, setType] = useState<MadeType>("single_use");
  const [label, setLabel] = useState("");
  const [days, setDays] = useState<number | string>("");
  const [wrong, setWrong] = useState<Faults>({});
  const failure = create.error ? asFailure(create.error) : null;
  const faults = { ...failure?.fields, ...wrong };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // An empty field of numbers is a text.
    const duration = typeof days === "number" ? { duration_days: days } : {};
    const input = {
      type,
      label: label.trim() || null,
      ...(type === "timed" && { duration_days: TIMED_DAYS }),
      ...duration,
    };
    const found = faultsOf(InviteInput, input);
    setWrong(found);
    if (Object.keys(found).length > 0) focusFault(form.current, found);
    else
      create.mutate(input, {
        onSuccess: made,
        onError: (error) => focusFault(form.current, asFailure(error).fields),
      });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        {failure && Object.keys(faults).length === 0 && <FailureAlert failure={failure} />}
        <div>
          <SegmentedControl
            fullWidth
            size="md"
            aria-label="Whom it lets in"
            value={type}
            data={TYPES.map((value) => ({ value, label: INVITE_TYPES[value].label }))}
            onChange={(value) => setType(value === "timed" ? "timed" : "single_use")}
          />
          <Text size="sm" c="dimmed" mt={6}>
            {INVITE_TYPES[type].explained}
          </Text>
        </div>
        <TextInput
          label="What it is for"
          description="For you and other admins; those invited do not see it."
          name="label"
          data-autofocus
          maxLength={100}
          value={label}
          error={sentence("It", faults.label)}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <NumberInput
          label="Days it holds"
          description={
            type === "timed" ? `1 to 365; ${TIMED_DAYS} when nothing is said.` : "1 to 365; empty: until it is used."
          }
          name="duration_days"
          size="md"
          min={1}
          max={365}
          clampBehavior="none"
          allowDecimal={false}
          hideControls
          value={days}
          error={faults.duration_days ? "1 to 365 days" : null}
          onChange={setDays}
        />
        <Group justify="flex-end" gap="sm" mt="xs">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the code
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
