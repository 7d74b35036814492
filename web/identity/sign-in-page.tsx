import { Anchor, Text } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { Link, Navigate, useLocation, useNavigate } from "react-router";
import { EntryCard } from "./entry-card.tsx";
import { entryAddress, nextPage } from "./next-page.ts";
import { useRefresh, useSession } from "./session.ts";
import { SignInForm } from "./sign-in-form.tsx";

export function SignInPage() {
  useDocumentTitle("Sign in · Sluice");
  const { search } = useLocation();
  const { me } = useSession();
  const navigate = useNavigate();
  const refresh = useRefresh();
  const next = nextPage(search, location.origin);
  const magic = new URLSearchParams(search).get("magic");
  if (me) return <Navigate to={next} replace />;
  const goOn = async () => {
    await refresh();
    await navigate(next, { replace: true });
  };
  return (
    <EntryCard title="Sign in">
      <SignInForm key={magic} magic={magic} signedIn={goOn} />
      {magic !== null && (
        <Text size="sm" mt="lg">
          <Anchor component={Link} to={entryAddress("/login", search)} inherit>
            Sign in with a password
          </Anchor>
        </Text>
      )}
      <Text size="sm" mt="lg">
        You have an invite code?{" "}
        <Anchor component={Link} to={entryAddress("/register", search)} inherit>
          Make an account
        </Anchor>
      </Text>
    </EntryCard>
  );
}
