import { useDocumentTitle } from "@mantine/hooks";
import { AccountSection } from "./account-section.tsx";
import { ApiKeys } from "./api-keys.tsx";
import { useSession } from "./session.ts";
import { SshKeys } from "./ssh-keys.tsx";

export function AccountKeys() {
  useDocumentTitle("Keys · Sluice");
  const { me } = useSession();
  if (!me) return null;
  return (
    <>
      <AccountSection
        title="API keys"
        about="For programs that act for you. A key cannot change your password, your second factor or other keys."
      >
        <ApiKeys me={me} />
      </AccountSection>
      <AccountSection
        title="SSH keys"
        about="Pairs for servers that you log in to. The public key goes there; the private one is shown once and not kept."
      >
        <SshKeys />
      </AccountSection>
    </>
  );
}
