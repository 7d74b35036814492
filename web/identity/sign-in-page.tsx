import { Alert, Anchor, Button, Checkbox, PinInput, Stack, Text, TextInput } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { Link, Navigate, useLocation, useNavigate } from "react-router";
import { asFailure } from "../api/failure.ts";
import { signIn } from "../api/identity.ts";
import { EntryCard } from "./entry-card.tsx";
import { entryAddress, nextPage } from "./next-page.ts";
import { PasswordField } from "./password-field.tsx";
import { ME, useSession } from "./session.ts";
import { useWait } from "./use-wait.ts";

const CODE_LENGTH = 6;

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

function SignInForm({ next }: { next: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [remember, setRemember] = useState(false);
  const [code, setCode] = useState("");
  const [step, setStep] = useState<"password" | "code">("password");
  const [missing, setMissing] = useState<{ username?: string; password?: string }>({});
  const passwordField = useRef<HTMLInputElement>(null);
  const usernameField = useRef<HTMLInputElement>(null);

  const attempt = useMutation({
    mutationFn: (totp_code?: string) =>
      signIn({ username: username.trim(), password, remember, ...(totp_code ? { totp_code } : {}) }),
    onSuccess: async (reply) => {
      if (reply.status === "2fa_required") return setStep("code");
      await queries.invalidateQueries();
      await queries.refetchQueries({ queryKey: ME });
      await navigate(next, { replace: true });
    },
    onError: (error) => {
      setCode("");
      if (asFailure(error).status === 401 && step === "password") passwordField.current?.select();
    },
  });
  const wait = useWait(attempt.error);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wait > 0 || attempt.isPending) return;
    if (step === "code") return attempt.mutate(code);
    const absent = {
      ...(username.trim() ? {} : { username: "Enter your username" }),
      ...(password ? {} : { password: "Enter your password" }),
    };
    setMissing(absent);
    if (absent.username) usernameField.current?.focus();
    else if (absent.password) passwordField.current?.focus();
    else attempt.mutate(undefined);
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md" mt="lg">
        <Problem error={attempt.error} wait={wait} step={step} />
        {step === "password" ? (
          <>
            <TextInput
              ref={usernameField}
              label="Username"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
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
          <CodeStep code={code} change={setCode} complete={(value) => attempt.mutate(value)} />
        )}
        <Button type="submit" loading={attempt.isPending} disabled={wait > 0} fullWidth>
          {wait > 0 ? `Wait ${wait} s` : step === "code" ? "Confirm" : "Sign in"}
        </Button>
        {step === "code" && (
          <Button variant="subtle" color="gray" onClick={() => setStep("password")}>
            Back
          </Button>
        )}
      </Stack>
    </form>
  );
}

function CodeStep(props: { code: string; change(code: string): void; complete(code: string): void }) {
  const [backup, setBackup] = useState(false);
  return (
    <Stack gap="xs">
      <Text size="sm">
        {backup ? "Enter one of your backup codes." : "Enter the code that your authenticator app shows."}
      </Text>
      {backup ? (
        <TextInput
          label="Backup code"
          autoFocus
          maxLength={16}
          value={props.code}
          onChange={(event) => props.change(event.currentTarget.value)}
        />
      ) : (
        <PinInput
          length={CODE_LENGTH}
          placeholder=""
          type="number"
          oneTimeCode
          autoFocus
          size="md"
          aria-label="Authentication code"
          value={props.code}
          onChange={props.change}
          onComplete={props.complete}
        />
      )}
      <Button
        variant="transparent"
        size="compact-sm"
        px={0}
        style={{ alignSelf: "flex-start" }}
        onClick={() => {
          props.change("");
          setBackup(!backup);
        }}
      >
        {backup ? "Use the authenticator app" : "Use a backup code"}
      </Button>
    </Stack>
  );
}

function Problem({ error, wait, step }: { error: unknown; wait: number; step: "password" | "code" }) {
  if (!error) return null;
  const failure = asFailure(error);
  const words =
    failure.status === 401
      ? step === "code"
        ? "That code is not right. Codes change every 30 seconds."
        : "The username or the password is wrong."
      : failure.status === 429
        ? wait > 0
          ? `Too many attempts. Try again in ${wait} s.`
          : "You can try again now."
        : failure.message;
  return (
    <Alert color="coral" role="alert" p="sm">
      {words}
      {failure.status >= 500 && failure.requestId && <Text size="xs">Request {failure.requestId}</Text>}
    </Alert>
  );
}
