import { Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { Me } from "../api/identity.ts";
import { type Faults, focusFault } from "../ui/field-faults.ts";
import { toast } from "../ui/toasts.tsx";
import { useDisableTwoFactor } from "./credential-queries.ts";
import { codeFault } from "./credential-words.ts";
import { FormProblem } from "./form-problem.tsx";
import { PasswordField } from "./password-field.tsx";
import { useWait } from "./use-wait.ts";

type Props = { me: Me; opened: boolean; close(): void };
type By = "code" | "password";

export function TurnOffDialog({ me, opened, close }: Props) {
  return (
    <Modal opened={opened} onClose={close} title="Turn off two-factor?">
      <Form me={me} close={close} />
    </Modal>
  );
}

function refused(failure: ApiFailure): Faults {
  if (failure.code === "bad_credentials") return { password: "The password is not this" };
  const code = codeFault(failure);
  return code === null ? {} : { code };
}

function Form({ me, close }: Omit<Props, "opened">) {
  const disable = useDisableTwoFactor();
  const form = useRef<HTMLFormElement>(null);
  const [by, setBy] = useState<By>("code");
  const [proof, setProof] = useState({ code: "", password: "" });
  const [missing, setMissing] = useState<Faults>({});
  const wait = useWait(disable.error);
  const failure = disable.error ? asFailure(disable.error) : null;
  const faults = { ...(failure && refused(failure)), ...missing };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wait > 0 || disable.isPending) return;
    const given = by === "code" ? proof.code.trim() : proof.password;
    const absent: Faults = given === "" ? { [by]: by === "code" ? "Enter a code" : "Enter your password" } : {};
    setMissing(absent);
    if (given === "") return focusFault(form.current, absent);
    disable.mutate(by === "code" ? { code: given } : { password: given }, {
      onSuccess: () => {
        toast("Two-factor is off");
        close();
      },
      onError: (error) => focusFault(form.current, refused(asFailure(error))),
    });
  };
  const field = (name: By) => ({
    name,
    value: proof[name],
    error: faults[name],
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      const { value } = event.currentTarget;
      setProof((before) => ({ ...before, [name]: value }));
    },
  });

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text>Your password alone signs you in then. The secret in your app and the backup codes count no more.</Text>
        <FormProblem failure={Object.keys(faults).length === 0 ? failure : null} wait={wait} />
        <SegmentedControl
          fullWidth
          aria-label="How you show that it is you"
          value={by}
          data={[
            { value: "code", label: "By a code" },
            { value: "password", label: "By the password" },
          ]}
          onChange={(value) => {
            setBy(value === "code" ? "code" : "password");
            setMissing({});
            disable.reset();
          }}
        />
        {by === "code" ? (
          <TextInput
            {...field("code")}
            key="code"
            label="Code"
            description="Of your authenticator app, or a backup code."
            autoComplete="one-time-code"
            spellCheck={false}
            data-autofocus
          />
        ) : (
          <>
            <input type="text" name="username" autoComplete="username" value={me.username} readOnly hidden />
            <PasswordField
              {...field("password")}
              key="password"
              label="Password"
              // As high as the other one with its line of help.
              description="The one you sign in with."
              autoComplete="current-password"
            />
          </>
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" color="coral" loading={disable.isPending} disabled={wait > 0}>
            Turn off
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
