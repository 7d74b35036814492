import { useDocumentTitle } from "@mantine/hooks";
import { AccountSection } from "./account-section.tsx";
import { PasswordForm } from "./password-form.tsx";
import { useSession } from "./session.ts";
import { Sessions } from "./sessions.tsx";
import { TwoFactor } from "./two-factor.tsx";

export function AccountSecurity() {
  useDocumentTitle("Security · Sluice");
  const { me } = useSession();
  if (!me) return null;
  return (
    <>
      <AccountSection
        title="Two-factor"
        about="Signing in then takes a code of an app on your phone, too. A stolen password alone opens nothing."
      >
        <TwoFactor me={me} />
      </AccountSection>
      <AccountSection
        title="Password"
        about="A change signs you out everywhere else: other browsers, and all API tokens."
      >
        <PasswordForm me={me} />
      </AccountSection>
      <AccountSection
        title="Sessions"
        about="Browsers that are signed in, and API tokens. End whatever you do not know."
      >
        <Sessions />
      </AccountSection>
    </>
  );
}
