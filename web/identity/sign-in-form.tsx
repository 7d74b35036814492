import { Alert, Button, Checkbox, Stack, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import { signIn } from "../api/identity.ts";
import { type Faults, focusFault } from "../ui/field-faults.ts";
import { CodeStep } from "./code-step.tsx";
import { signInWords } from "./credential-words.ts";
import { PasswordField } from "./password-field.tsx";
import { useWait, waitOf } from "./use-wait.ts";
import { waitWords } from "./words.ts";

type Step = "first" | "code" | "backup";

type Props = {
  /** Who signs in, as far as it is known. */
  name?: string;
  /** The token of a mailed link, which stands in for name and password. */
  magic?: string | null;
  signedIn(): Promise<void>;
};

export function SignInForm({ name = "", magic = null, signedIn }: Props) {
  const [username, setUsername] = useState(name);
  const [password, setPassword] = useState("");
  const [remember, setRemember] = useState(false);
  const [code, setCode] = useState("");
  const [step, setStep] = useState<Step>("first");
  const [missing, setMissing] = useState<Faults>({});
  const form = useRef<HTMLFormElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const codeField = useRef<HTMLInputElement>(null);

  const attempt = useMutation({
    mutationFn: (totp_code: string) =>
      signIn({
        ...(magic === null ? { username: username.trim(), password } : { magic_token: magic }),
        remember,
        ...(totp_code && { totp_code }),
      }),
    onSuccess: async (reply) => {
      if (reply.status === "2fa_required") return go("code");
      await signedIn();
    },
    onError: (error) => {
      const { code: reason } = asFailure(error);
      if (reason === "totp_invalid") {
        // One of the app will be another; a slip in a backup code can be mended.
        if (step === "code") setCode("");
        codeField.current?.focus();
      } else if (reason === "bad_credentials") {
        // At the second step, too: somebody has changed it meanwhile.
        setStep("first");
        passwordField.current?.select();
      }
    },
  });
  const wait = useWait(attempt.error);
  const failure = attempt.error ? asFailure(attempt.error) : null;

  const send = (totp_code: string) => {
    if (wait === 0 && !attempt.isPending) attempt.mutate(totp_code);
  };
  const go = (to: Step) => {
    setStep(to);
    setCode("");
    setMissing({});
    attempt.reset();
  };
  const absentFields = (): Faults => {
    if (step !== "first") return code.trim() ? {} : { code: "Enter a code" };
    if (magic !== null) return {};
    return {
      ...(username.trim() ? {} : { username: "Enter your username" }),
      ...(password ? {} : { password: "Enter your password" }),
    };
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const absent = absentFields();
    setMissing(absent);
    if (Object.keys(absent).length === 0) return send(code.trim());
    if (step === "first") focusFault(form.current, absent);
    else codeField.current?.focus();
  };

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md" mt="lg">
        {failure && (
          <Problem
            failure={failure}
            wait={wait}
            words={(seconds) =>
              magic !== null && failure.code === "bad_credentials"
                ? "This link was used already, or is older than 15 minutes."
                : signInWords(failure, seconds, step === "backup")
            }
          />
        )}
        {step === "first" ? (
          <>
            {magic === null ? (
              <>
                <TextInput
                  label="Username"
                  name="username"
                  autoComplete="username"
                  autoCapitalize="none"
                  spellCheck={false}
                  // Whoever comes back from the second step is not to begin anew.
                  autoFocus={username === ""}
                  maxLength={128}
                  value={username}
                  error={missing.username}
                  onChange={(event) => setUsername(event.currentTarget.value)}
                />
                <PasswordField
                  ref={passwordField}
                  label="Password"
                  name="password"
                  autoComplete="current-password"
                  autoFocus={username !== ""}
                  data-autofocus={username !== "" || undefined}
                  value={password}
                  error={missing.password}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                />
              </>
            ) : (
              <Text size="sm">You opened a link that was mailed to you. It signs you in, once.</Text>
            )}
            <Checkbox
              label="Stay signed in for 30 days"
              checked={remember}
              onChange={(event) => setRemember(event.currentTarget.checked)}
            />
          </>
        ) : (
          <CodeStep
            ref={codeField}
            code={code}
            change={setCode}
            complete={send}
            backup={step === "backup"}
            turnTo={(backup) => go(backup ? "backup" : "code")}
            fault={missing.code ?? failure?.code === "totp_invalid"}
            pending={attempt.isPending}
          />
        )}
        <Button type="submit" loading={attempt.isPending} disabled={wait > 0} fullWidth>
          {wait > 0 ? `Wait ${waitWords(wait)}` : step === "first" ? "Sign in" : "Confirm"}
        </Button>
        {step !== "first" && (
          <Button variant="subtle" color="gray" disabled={attempt.isPending} onClick={() => go("first")}>
            Back
          </Button>
        )}
      </Stack>
    </form>
  );
}

type ProblemProps = { failure: ApiFailure; wait: number; words(wait: number): string };

/** Said once to screen readers, with the wait as it was at first: the seconds that count down are for the eyes. */
function Problem({ failure, wait, words }: ProblemProps) {
  return (
    <Alert color="coral" role="presentation" p="sm">
      <div role="alert">
        <VisuallyHidden>{words(wait > 0 ? waitOf(failure) : 0)}</VisuallyHidden>
      </div>
      <span aria-hidden="true">{words(wait)}</span>
      {failure.status >= 500 && failure.requestId && <Text size="xs">Request {failure.requestId}</Text>}
    </Alert>
  );
}
