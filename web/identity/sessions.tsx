import { Button, Progress } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import type { Session } from "../api/identity.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { RowFocus } from "../ui/row-focus.tsx";
import { toast } from "../ui/toasts.tsx";
import { useRevokeSessions, useSessions } from "./queries.ts";
import classes from "./rows.module.css";
import { SectionState } from "./section-state.tsx";
import { SessionRow } from "./session-row.tsx";
import { endWords, sessionName } from "./words.ts";

export function Sessions() {
  const { data, error, refetch } = useSessions();
  const [asked, setAsked] = useState<readonly Session[]>([]);
  const [asking, dialog] = useDisclosure(false);
  const [pastShown, past] = useDisclosure(false);
  if (data === undefined) return <SectionState error={error} retry={() => void refetch()} what="your sessions" />;
  const now = Date.now();
  const open = data.filter((session) => endWords(session, now) === null);
  const ended = data.filter((session) => endWords(session, now) !== null);
  // This one first, as that is how one finds the others.
  const here = open.filter(({ current }) => current);
  const others = open.filter(({ current }) => !current);
  const ask = (sessions: readonly Session[]) => {
    setAsked(sessions);
    dialog.open();
  };

  return (
    <RowFocus>
      <ul className={classes.list}>
        {[...here, ...others].map((session) => (
          <SessionRow key={session.id} session={session} revoke={() => ask([session])} />
        ))}
      </ul>
      <div className={classes.more}>
        {ended.length > 0 && (
          <Button variant="subtle" color="gray" size="sm" aria-expanded={pastShown} onClick={past.toggle}>
            {pastShown ? "Hide" : "Show"} {ended.length} ended
          </Button>
        )}
        {others.length > 0 && (
          <Button variant="default" size="sm" onClick={() => ask(others)}>
            Sign out everywhere else
          </Button>
        )}
      </div>
      {pastShown && ended.length > 0 && (
        <ul className={classes.list} aria-label="Ended sessions">
          {ended.map((session) => (
            <SessionRow key={session.id} session={session} />
          ))}
        </ul>
      )}
      <RevokeDialog sessions={asked} opened={asking} close={dialog.close} />
    </RowFocus>
  );
}

function RevokeDialog({ sessions, opened, close }: { sessions: readonly Session[]; opened: boolean; close(): void }) {
  const { revoke, done } = useRevokeSessions();
  const [first, second] = sessions;
  const one = second === undefined ? first : undefined;
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        revoke.reset();
      }}
      title={one ? `Revoke “${sessionName(one)}”?` : "Sign out everywhere else?"}
      action={one ? "Revoke" : "Sign them out"}
      pending={revoke.isPending}
      error={revoke.error}
      confirm={() =>
        revoke.mutate(
          sessions.map(({ id }) => id),
          {
            onSuccess: () => {
              toast(one ? "Revoked" : "You are signed out everywhere else");
              close();
            },
          },
        )
      }
    >
      {one
        ? "Whoever uses it is signed out and has to sign in again."
        : `${sessions.length} sessions end: whoever uses one of them has to sign in again. This browser stays signed in.`}
      {!one && revoke.isPending && (
        <Progress
          value={(100 * done) / sessions.length}
          mt="md"
          aria-label={`${done} of ${sessions.length} are signed out`}
        />
      )}
    </ConfirmDialog>
  );
}
