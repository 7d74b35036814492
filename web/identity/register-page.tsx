import { Anchor, Button, Stack, Text, TextInput } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { Link, Navigate, useLocation, useNavigate } from "react-router";
import { RegisterRequest } from "#contract/identity";
import { asFailure } from "../api/failure.ts";
import { register, signIn } from "../api/identity.ts";
import { type Faults, faultsOf, focusFault, sentence } from "../ui/field-faults.ts";
import { toast } from "../ui/toasts.tsx";
import { EntryCard } from "./entry-card.tsx";
import { FormProblem } from "./form-problem.tsx";
import { entryAddress, nextPage } from "./next-page.ts";
import { PasswordField } from "./password-field.tsx";
import { registrationFaults } from "./registration-faults.ts";
import { useRefresh, useSession } from "./session.ts";
import { useWait } from "./use-wait.ts";
import { PASSWORD_RULE, USERNAME_RULE } from "./words.ts";

export function RegisterPage() {
  useDocumentTitle("Make an account · Sluice");
  const { search } = useLocation();
  const { me } = useSession();
  const next = nextPage(search, location.origin, "/");
  if (me) return <Navigate to={next} replace />;
  return (
    <EntryCard title="Make an account">
      <RegisterForm next={next} />
      <Text size="sm" mt="lg">
        You have an account?{" "}
        <Anchor component={Link} to={entryAddress("/login", search)} inherit>
          Sign in
        </Anchor>
      </Text>
    </EntryCard>
  );
}

/** Makes the account and signs in to it. False: it is made, but signing in did not work. */
async function enter(input: RegisterRequest): Promise<boolean> {
  await register(input);
  try {
    return (await signIn({ ...input, remember: false })).status === "logged_in";
  } catch {
    return false; // the sign-in page says why, should it fail again
  }
}

function RegisterForm({ next }: { next: string }) {
  const { search } = useLocation();
  const refresh = useRefresh();
  const navigate = useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const [input, setInput] = useState({
    invite_code: new URLSearchParams(search).get("code") ?? "",
    username: "",
    password: "",
  });
  const [absent, setAbsent] = useState<Faults>({});
  const attempt = useMutation({
    mutationFn: enter,
    onSuccess: async (isIn) => {
      if (isIn) {
        await refresh();
        return navigate(next, { replace: true });
      }
      toast("Your account is made: sign in to it");
      return navigate(entryAddress("/login", search), { replace: true });
    },
    onError: (error) => focusFault(form.current, registrationFaults(asFailure(error))),
  });
  const wait = useWait(attempt.error);
  const failure = attempt.error ? asFailure(attempt.error) : null;
  const faults = { ...(failure && registrationFaults(failure)), ...absent };
  // Prefilled by a link, the code is the one thing that is right already.
  const [startsAt] = useState<keyof typeof input>(input.invite_code ? "username" : "invite_code");
  const field = (name: keyof typeof input, subject: string) => ({
    name,
    value: input[name],
    autoFocus: name === startsAt,
    error: sentence(subject, faults[name]),
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      const { value } = event.currentTarget;
      setInput((before) => ({ ...before, [name]: value }));
    },
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (attempt.isPending) return;
    const wanted = { ...input, invite_code: input.invite_code.trim(), username: input.username.trim() };
    const wrong = faultsOf(RegisterRequest, wanted);
    setAbsent(wrong);
    if (Object.keys(wrong).length > 0) {
      attempt.reset();
      focusFault(event.currentTarget, wrong);
    } else attempt.mutate(wanted);
  };

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md" mt="lg">
        <FormProblem failure={Object.keys(faults).length === 0 ? failure : null} wait={wait} />
        <TextInput
          {...field("invite_code", "The invite code")}
          label="Invite code"
          description="From an admin, such as PORTAL-0123-4567-89AB."
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
        />
        <TextInput
          {...field("username", "The username")}
          label="Username"
          description={USERNAME_RULE}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
        />
        <PasswordField
          {...field("password", "The password")}
          label="Password"
          description={PASSWORD_RULE}
          autoComplete="new-password"
        />
        <Button type="submit" loading={attempt.isPending} fullWidth>
          Make the account
        </Button>
      </Stack>
    </form>
  );
}
