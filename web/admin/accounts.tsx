import { Button, Skeleton, TextInput, useMatches, VisuallyHidden } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { IconSearch, IconUserOff, IconUserPlus } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { Me } from "../api/identity.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import { Pages } from "../ui/pages.tsx";
import { RowFocus } from "../ui/row-focus.tsx";
import { CreateUserDialog } from "./create-user-dialog.tsx";
import { useUsers } from "./queries.ts";
import { UserRow } from "./user-row.tsx";
import classes from "./users-page.module.css";

const PAGE = 50;
/** What is typed is asked for when the typing rests. */
const REST_MS = 250;
const SEARCH_MAX = 64;
const NOBODY = "Nobody is called so";

export function Accounts({ me }: { me: Me }) {
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), REST_MS);
  const [page, setPage] = useState(1);
  const [creating, dialog] = useDisclosure(false);
  const users = useUsers(q, { limit: PAGE, offset: (page - 1) * PAGE });
  // In one row on a phone, too.
  const siblings = useMatches({ base: 0, sm: 1 });
  const total = users.data?.total ?? 0;
  const pages = Math.max(1, Math.ceil(total / PAGE));
  useEffect(() => {
    // The last one of a page was deleted, or fewer match.
    if (users.data && !users.isPlaceholderData && page > pages) setPage(pages);
  }, [users.data, users.isPlaceholderData, page, pages]);

  const find = (text: string) => {
    setTyped(text);
    setPage(1);
  };

  return (
    <>
      <div className={classes.head}>
        <TextInput
          className={classes.search}
          type="search"
          aria-label="Find by name"
          placeholder="Find by name"
          leftSection={<IconSearch size={18} stroke={1.7} />}
          maxLength={SEARCH_MAX}
          value={typed}
          onChange={(event) => find(event.currentTarget.value)}
        />
        {me.is_admin && (
          <Button leftSection={<IconUserPlus size={19} />} onClick={dialog.open}>
            New account
          </Button>
        )}
      </div>
      {users.data === undefined && users.error && (
        <FailureNotice failure={users.error} retry={() => void users.refetch()} />
      )}
      {users.data === undefined && !users.error && <Loading />}
      <p className={classes.count} role="status">
        {users.data && (total === 0 ? <VisuallyHidden>{NOBODY}</VisuallyHidden> : countWords(total))}
      </p>
      <RowFocus>
        {users.data && total === 0 && (
          <Notice icon={IconUserOff} title={NOBODY}>
            No username and no nickname has this in it.
            <Button variant="default" onClick={() => find("")}>
              Show all
            </Button>
          </Notice>
        )}
        {users.data && total > 0 && (
          <>
            <ul className={classes.list} aria-busy={users.isPlaceholderData}>
              {users.data.users.map((user) => (
                <UserRow key={user.id} user={user} me={me} manageable={users.data.manageable_roles} />
              ))}
            </ul>
            {pages > 1 && (
              <nav aria-label="Pages of accounts" className={classes.pages}>
                <Pages value={page} total={pages} siblings={siblings} change={setPage} />
              </nav>
            )}
          </>
        )}
      </RowFocus>
      <CreateUserDialog opened={creating} close={dialog.close} roles={me.permissions.manageable_roles} />
    </>
  );
}

const countWords = (total: number): string => (total === 1 ? "1 account" : `${total.toLocaleString()} accounts`);

function Loading() {
  return (
    <div className={classes.list} role="status" aria-label="Loading the accounts">
      {[0, 1, 2, 3].map((row) => (
        <Skeleton key={row} height={44} radius="md" m={14} w="auto" />
      ))}
    </div>
  );
}
