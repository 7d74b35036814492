import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { TwoFactorSetup } from "../api/credentials.ts";
import { asFailure } from "../api/failure.ts";
import type { Me } from "../api/identity.ts";
import { HeldDialog } from "../ui/held-dialog.tsx";
import { SecretField } from "../ui/secret-field.tsx";
import { BackupCodes } from "./backup-codes.tsx";
import { CODE_LENGTH, CodeField } from "./code-field.tsx";
import { useVerifyTwoFactor } from "./credential-queries.ts";
import { FormProblem } from "./form-problem.tsx";
import { QrCode } from "./qr-code.tsx";
import classes from "./two-factor.module.css";
import { useWait } from "./use-wait.ts";

type Verify = ReturnType<typeof useVerifyTwoFactor>;
type Props = {
  me: Me;
  /** Undefined until it is to be opened. */
  setup: TwoFactorSetup | undefined;
  opened: boolean;
  close(): void;
  /** It has left the screen. */
  gone(): void;
};

/** First the secret, then a code of it as proof that the app has it, then the backup codes. */
export function TurnOnDialog({ me, setup, opened, close, gone }: Props) {
  const verify = useVerifyTwoFactor();
  const codes = verify.data?.backup_codes;
  return (
    <HeldDialog
      opened={opened}
      close={close}
      gone={() => {
        verify.reset();
        gone();
      }}
      title={codes ? "Two-factor is on" : "Turn on two-factor"}
      held={codes !== undefined || verify.isPending}
    >
      {codes ? (
        <BackupCodes codes={codes} username={me.username} done={close} />
      ) : (
        setup && <Setup setup={setup} verify={verify} close={close} />
      )}
    </HeldDialog>
  );
}

function Setup({ setup, verify, close }: { setup: TwoFactorSetup; verify: Verify; close(): void }) {
  const field = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState("");
  const [isShort, setShort] = useState(false);
  const wait = useWait(verify.error);
  const failure = verify.error ? asFailure(verify.error) : null;
  // What the API says of a wrong code says more than its field's words alone.
  const refusal = failure?.fields.code === undefined ? null : failure.message;
  const fault = isShort ? `The code has ${CODE_LENGTH} digits` : refusal;

  const send = (value: string) => {
    if (wait > 0 || verify.isPending) return;
    setShort(value.length < CODE_LENGTH);
    if (value.length < CODE_LENGTH) return field.current?.focus();
    verify.mutate(value, {
      onError: (error) => {
        if (asFailure(error).fields.code === undefined) return;
        setCode("");
        field.current?.focus();
      },
    });
  };
  return (
    <form
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        send(code);
      }}
    >
      <Stack gap="md">
        <Text>Scan this with an authenticator app, or enter the secret there by hand.</Text>
        <div className={classes.scan}>
          <QrCode text={setup.provisioning_uri} label="QR code of the secret below" />
          <Anchor href={setup.provisioning_uri} size="sm" py={4}>
            Open in an app on this device
          </Anchor>
        </div>
        <SecretField label="Secret" value={setup.secret} what="Secret" />
        <FormProblem failure={fault === null ? failure : null} wait={wait} />
        <CodeField
          ref={field}
          label="Code that the app shows"
          data-autofocus
          value={code}
          readOnly={verify.isPending}
          error={fault}
          change={setCode}
          complete={send}
        />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" disabled={verify.isPending} onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={verify.isPending} disabled={wait > 0}>
            Turn on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
