import { Button, Group, Stack } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { PasswordChange } from "#contract/identity";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { Me } from "../api/identity.ts";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { toast } from "../ui/toasts.tsx";
import { FormProblem } from "./form-problem.tsx";
import { PasswordField } from "./password-field.tsx";
import { useChangePassword } from "./queries.ts";
import { useWait } from "./use-wait.ts";
import { PASSWORD_RULE } from "./words.ts";

const EMPTY: PasswordChange = { current_password: "", new_password: "" };

const refused = ({ code, fields }: ApiFailure): Faults =>
  code === "bad_credentials" ? { current_password: "is not this" } : fields;

export function PasswordForm({ me }: { me: Me }) {
  const change = useChangePassword();
  const form = useRef<HTMLFormElement>(null);
  const [input, setInput] = useState(EMPTY);
  const [wrong, setWrong] = useState<Faults>({});
  const wait = useWait(change.error);
  const failure = change.error ? asFailure(change.error) : null;
  const faults = { ...(failure && refused(failure)), ...wrong };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wait > 0 || change.isPending) return;
    const found = faultsOf(PasswordChange, input);
    setWrong(found);
    if (Object.keys(found).length > 0) {
      change.reset();
      return focusFault(form.current, found);
    }
    change.mutate(input, {
      onSuccess: ({ message }) => {
        setInput(EMPTY);
        toast(message);
      },
      onError: (error) => focusFault(form.current, refused(asFailure(error))),
    });
  };
  const field = (name: keyof PasswordChange, subject: string) => ({
    name,
    value: input[name],
    error: sentence(subject, faults[name]),
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      const { value } = event.currentTarget;
      setInput((before) => ({ ...before, [name]: value }));
    },
  });

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <FormProblem failure={Object.keys(faults).length === 0 ? failure : null} wait={wait} />
        {/* Tells password managers whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={me.username} readOnly hidden />
        <PasswordField
          {...field("current_password", "The current password")}
          label="Current password"
          autoComplete="current-password"
        />
        <PasswordField
          {...field("new_password", "The new password")}
          label="New password"
          description={PASSWORD_RULE}
          autoComplete="new-password"
        />
        <Group justify="flex-end">
          <Button type="submit" loading={change.isPending} disabled={wait > 0}>
            Change the password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
