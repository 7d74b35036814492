import { Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import { DateOnly } from "../ui/when.tsx";
import classes from "./account-page.module.css";
import { PasswordForm } from "./password-form.tsx";
import { ProfileForm } from "./profile-form.tsx";
import { useSession } from "./session.ts";
import { Sessions } from "./sessions.tsx";

export function AccountPage() {
  useDocumentTitle("Account · Sluice");
  const { me } = useSession();
  if (!me) return null;
  return (
    <div className={classes.page}>
      <Title order={1}>Account</Title>
      <p className={classes.facts}>
        <bdi>{me.username}</bdi> since <DateOnly at={me.created_at} />
      </p>
      <Section title="Profile" about="How others see you in the chat.">
        <ProfileForm me={me} />
      </Section>
      <Section title="Password" about="A change signs you out everywhere else: other browsers, and all API tokens.">
        <PasswordForm me={me} />
      </Section>
      <Section title="Sessions" about="Browsers that are signed in, and API tokens. End whatever you do not know.">
        <Sessions />
      </Section>
    </div>
  );
}

function Section({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return (
    <section className={classes.section} aria-label={title}>
      <div>
        <Title order={2} className={classes.heading}>
          {title}
        </Title>
        <p className={classes.about}>{about}</p>
      </div>
      <div className={classes.card}>{children}</div>
    </section>
  );
}
