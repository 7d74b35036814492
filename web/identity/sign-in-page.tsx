import { Alert, Anchor, Button, Checkbox, Stack, Text, TextInput } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { Link, Navigate, useLocation, useNavigate } from "react-router";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import { signIn } from "../api/identity.ts";
import { type Faults, focusFault } from "../ui/field-faults.ts";
import { CodeStep } from "./code-step.tsx";
import { signInWords } from "./credential-words.ts";
import { EntryCard } from "./entry-card.tsx";
import { entryAddress, nextPage } from "./next-page.ts";
import { PasswordField } from "./password-field.tsx";
import { ME, useSession } from "./session.ts";
import { useWait } from "./use-wait.ts";
import { waitWords } from "./words.ts";

export function SignInPage() {
  useDocumentTitle("Sign in · Sluice");
  const { search } = useLocation();
  const { me } = useSession();
  const next = nextPage(search, location.origin);
  if (me) return <Navigate to={next} replace />;
  return (
    <EntryCard title="Sign in">
      <SignInForm next={next} />
      <Text size="sm" mt="lg">
        You have an invite code?{" "}
        <Anchor component={Link} to={entryAddress("/register", search)} inherit>
          Make an account
        </Anchor>
      </Text>
    </EntryCard>
  );
}

type Step = "password" | "code" | "backup";

function SignInForm({ next }: { next: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [remember, setRemember] = useState(false);
  const [code, setCode] = useState("");
  const [step, setStep] = useState<Step>("password");
  const [missing, setMissing] = useState<Faults>({});
  const form = useRef<HTMLFormElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const codeField = useRef<HTMLInputElement>(null);

  const attempt = useMutation({
    mutationFn: (totp_code: string) =>
      signIn({ username: username.trim(), password, remember, ...(totp_code && { totp_code }) }),
    onSuccess: async (reply) => {
      if (reply.status === "2fa_required") return go("code");
      await queries.invalidateQueries();
      await queries.refetchQueries({ queryKey: ME });
      await navigate(next, { replace: true });
    },
    onError: (error) => {
      const { code: reason } = asFailure(error);
      if (reason === "totp_invalid") {
        // One of the app will be another; a slip in a backup code can be mended.
        if (step === "code") setCode("");
        codeField.current?.focus();
      } else if (reason === "bad_credentials") {
        // At the second step, too: somebody has changed it meanwhile.
        setStep("password");
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
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const absent: Faults =
      step === "password"
        ? {
            ...(username.trim() ? {} : { username: "Enter your username" }),
            ...(password ? {} : { password: "Enter your password" }),
          }
        : code.trim()
          ? {}
          : { code: "Enter a code" };
    setMissing(absent);
    if (Object.keys(absent).length === 0) return send(code.trim());
    if (step === "password") focusFault(form.current, absent);
    else codeField.current?.focus();
  };

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md" mt="lg">
        {failure && <Problem failure={failure} wait={wait} step={step} />}
        {step === "password" ? (
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
              value={password}
              error={missing.password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
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
          {wait > 0 ? `Wait ${waitWords(wait)}` : step === "password" ? "Sign in" : "Confirm"}
        </Button>
        {step !== "password" && (
          <Button variant="subtle" color="gray" disabled={attempt.isPending} onClick={() => go("password")}>
            Back
          </Button>
        )}
      </Stack>
    </form>
  );
}

function Problem({ failure, wait, step }: { failure: ApiFailure; wait: number; step: Step }) {
  return (
    <Alert color="coral" role="alert" p="sm">
      {signInWords(failure, wait, step === "backup")}
      {failure.status >= 500 && failure.requestId && <Text size="xs">Request {failure.requestId}</Text>}
    </Alert>
  );
}
