import { Tabs, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconLock } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import type { Me } from "../api/identity.ts";
import { useSession } from "../identity/session.ts";
import { Notice } from "../ui/notice.tsx";
import { Accounts } from "./accounts.tsx";
import { Invites } from "./invites.tsx";
import classes from "./users-page.module.css";

export function UsersPage() {
  useDocumentTitle("Users · Sluice");
  const { me } = useSession();
  if (!me) return null;
  if (me.permissions.can_manage_users) return <Users me={me} />;
  return (
    <Notice icon={IconLock} title="For moderators" level={1}>
      Who has an account here is shown to moderators and admins.
    </Notice>
  );
}

function Users({ me }: { me: Me }) {
  const [query, setQuery] = useSearchParams();
  if (!me.is_admin) {
    return (
      <div className={classes.page}>
        <Title order={1} className={classes.title}>
          Users
        </Title>
        <Accounts me={me} />
      </div>
    );
  }
  return (
    <div className={classes.page}>
      <Title order={1} className={classes.title}>
        Users
      </Title>
      <Tabs
        // In the address, so that a reload and the way back keep it.
        value={query.get("tab") === "invites" ? "invites" : "accounts"}
        onChange={(tab) => setQuery(tab === "invites" ? { tab } : {})}
        keepMounted={false}
      >
        <Tabs.List className={classes.tabs}>
          <Tabs.Tab value="accounts">Accounts</Tabs.Tab>
          <Tabs.Tab value="invites">Invites</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="accounts">
          <Accounts me={me} />
        </Tabs.Panel>
        <Tabs.Panel value="invites">
          <Invites />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}
