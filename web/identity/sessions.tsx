import { Alert, Button, Skeleton, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { asFailure } from "../api/failure.ts";
import type { Session } from "../api/identity.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { useRevokeSessions, useSessions } from "./queries.ts";
import { SessionRow } from "./session-row.tsx";
import classes from "./sessions.module.css";
import { sessionEnd, sessionName } from "./words.ts";

export function Sessions() {
  const { data, error, refetch } = useSessions();
  const [asked, setAsked] = useState<readonly Session[]>([]);
  const [asking, dialog] = useDisclosure(false);
  const [pastShown, past] = useDisclosure(false);
  if (data === undefined) {
    return error ? (
      <Alert color="coral" role="alert" p="sm">
        {asFailure(error).message}{" "}
        <Button variant="transparent" size="compact-sm" onClick={() => void refetch()}>
          Try again
        </Button>
      </Alert>
    ) : (
      <Stack gap="sm" role="status" aria-label="Loading your sessions">
        {[0, 1].map((row) => (
          <Skeleton key={row} height={48} radius="md" />
        ))}
      </Stack>
    );
  }
  const now = Date.now();
  const open = data.filter((session) => sessionEnd(session, now) === null);
  const ended = data.filter((session) => sessionEnd(session, now) !== null);
  // This one first, as that is how one finds the others.
  const here = open.filter(({ current }) => current);
  const others = open.filter(({ current }) => !current);
  const ask = (sessions: readonly Session[]) => {
    setAsked(sessions);
    dialog.open();
  };

  return (
    <>
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
        {others.length > 1 && (
          <Button variant="default" size="sm" onClick={() => ask(others)}>
            Revoke the {others.length} others
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
    </>
  );
}

function RevokeDialog({ sessions, opened, close }: { sessions: readonly Session[]; opened: boolean; close(): void }) {
  const revoke = useRevokeSessions();
  const [first] = sessions;
  const isOne = sessions.length === 1;
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        revoke.reset();
      }}
      title={isOne && first ? `Revoke “${sessionName(first)}”?` : `Revoke ${sessions.length} sessions?`}
      action={isOne ? "Revoke" : "Revoke them all"}
      pending={revoke.isPending}
      error={revoke.error}
      confirm={() =>
        revoke.mutate(
          sessions.map(({ id }) => id),
          {
            onSuccess: () => {
              toast(isOne ? "Revoked" : `${sessions.length} sessions are revoked`);
              close();
            },
          },
        )
      }
    >
      {isOne
        ? "Whoever uses it is signed out and has to sign in again."
        : "Whoever uses one of them is signed out and has to sign in again. This browser stays signed in."}
    </ConfirmDialog>
  );
}
