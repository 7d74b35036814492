import { useDocumentTitle } from "@mantine/hooks";
import { AccountSection } from "./account-section.tsx";
import { ProfileForm } from "./profile-form.tsx";
import { useSession } from "./session.ts";

export function AccountProfile() {
  useDocumentTitle("Account · Sluice");
  const { me } = useSession();
  if (!me) return null;
  return (
    <AccountSection title="Profile" about="How others see you in the chat.">
      <ProfileForm me={me} />
    </AccountSection>
  );
}
