import { Button, Stack, TextInput } from "@mantine/core";
import type { Ref } from "react";
import { CodeField } from "./code-field.tsx";

type Props = {
  ref: Ref<HTMLInputElement>;
  code: string;
  change(code: string): void;
  /** All digits are there; never with a backup code, which has no end that could be seen. */
  complete(code: string): void;
  backup: boolean;
  turnTo(backup: boolean): void;
  /** What is wrong with it; `true` when that is said elsewhere. */
  fault: string | boolean;
  pending: boolean;
};

/** The second step of signing in: a code of the authenticator app, or a backup code. */
export function CodeStep({ ref, code, change, complete, backup, turnTo, fault, pending }: Props) {
  const field = { ref, value: code, error: fault, readOnly: pending, autoFocus: true };
  return (
    <Stack gap="xs">
      {backup ? (
        <TextInput
          {...field}
          key="backup"
          name="backup_code"
          label="Backup code"
          description="One of those you kept. It is used up by this."
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          maxLength={32}
          onChange={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <CodeField
          {...field}
          key="code"
          label="Code"
          description="That your authenticator app shows now."
          change={change}
          complete={complete}
        />
      )}
      <Button
        variant="transparent"
        size="compact-sm"
        px={0}
        style={{ alignSelf: "flex-start" }}
        disabled={pending}
        onClick={() => turnTo(!backup)}
      >
        {backup ? "Use the authenticator app" : "Use a backup code"}
      </Button>
    </Stack>
  );
}
