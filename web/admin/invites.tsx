import { Button, Skeleton, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMailPlus } from "@tabler/icons-react";
import type { Invite, InviteList } from "../api/users.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { RowFocus } from "../ui/row-focus.tsx";
import { CreateInviteDialog } from "./create-invite-dialog.tsx";
import { InviteRow } from "./invite-row.tsx";
import { useInvites } from "./queries.ts";
import classes from "./users-page.module.css";

export function Invites() {
  const invites = useInvites();
  const [creating, dialog] = useDisclosure(false);
  if (invites.data === undefined) {
    return invites.error ? (
      <FailureNotice failure={invites.error} retry={() => void invites.refetch()} />
    ) : (
      <div className={classes.list} role="status" aria-label="Loading the invite codes">
        {[0, 1, 2].map((row) => (
          <Skeleton key={row} height={52} radius="md" m={14} w="auto" />
        ))}
      </div>
    );
  }
  const { today, open, past } = sorted(invites.data);
  return (
    <RowFocus>
      <div className={classes.head}>
        <Title order={2} className={classes.heading}>
          Open codes
        </Title>
        <Button leftSection={<IconMailPlus size={19} />} onClick={dialog.open}>
          New code
        </Button>
      </div>
      <ul className={classes.list}>
        {today && <InviteRow invite={today} isToday />}
        {open.map((invite) => (
          <InviteRow key={invite.id} invite={invite} />
        ))}
      </ul>
      {past.length > 0 && <Past invites={past} />}
      <CreateInviteDialog opened={creating} close={dialog.close} />
    </RowFocus>
  );
}

/** Those that let nobody in any more, for whoever wonders who came by them. */
function Past({ invites }: { invites: Invite[] }) {
  const [shown, list] = useDisclosure(false);
  return (
    <section className={classes.past}>
      <Button variant="subtle" color="gray" size="sm" aria-expanded={shown} onClick={list.toggle}>
        {shown ? "Hide" : "Show"} {invites.length === 1 ? "1 past code" : `${invites.length} past codes`}
      </Button>
      {shown && (
        <ul className={classes.list}>
          {invites.map((invite) => (
            <InviteRow key={invite.id} invite={invite} />
          ))}
        </ul>
      )}
    </section>
  );
}

function sorted({ invite_code, codes }: InviteList) {
  const others = codes.filter(({ code }) => code !== invite_code);
  return {
    today: codes.find(({ code }) => code === invite_code),
    open: others.filter(({ is_active }) => is_active),
    past: others.filter(({ is_active }) => !is_active),
  };
}
