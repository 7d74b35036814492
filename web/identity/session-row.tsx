import { Button } from "@mantine/core";
import { IconBrowser, IconKey } from "@tabler/icons-react";
import type { Session } from "../api/identity.ts";
import { Since } from "../ui/since.tsx";
import { When } from "../ui/when.tsx";
import classes from "./rows.module.css";
import { useSignOut } from "./session.ts";
import { endWords, sessionName } from "./words.ts";

/** Without `revoke` it is one that ended. */
export function SessionRow({ session, revoke }: { session: Session; revoke?(): void }) {
  const signOut = useSignOut();
  const Icon = session.kind === "cookie" ? IconBrowser : IconKey;
  const ended = endWords(session, Date.now());
  return (
    <li className={classes.row}>
      <Icon size={22} stroke={1.6} className={classes.icon} aria-hidden="true" />
      <div>
        <div className={classes.name}>
          <bdi>{sessionName(session)}</bdi>
          {session.current && <span className={classes.mark}>This browser</span>}
          {ended && <span className={classes.ended}>{ended}</span>}
        </div>
        <div className={classes.facts}>
          {session.ip && <span>{session.ip}</span>}
          <span>
            made <When at={session.created_at} />
          </span>
          <span>
            {session.last_used_at ? (
              <>
                last used <Since from={session.last_used_at} /> ago
              </>
            ) : (
              "not used yet"
            )}
          </span>
          {!ended && (
            <span>
              until <When at={session.expires_at} />
            </span>
          )}
        </div>
      </div>
      {session.current ? (
        <Button variant="default" size="sm" loading={signOut.isPending} onClick={() => signOut.mutate()}>
          Sign out
        </Button>
      ) : (
        revoke && (
          <Button
            variant="default"
            size="sm"
            aria-label={`Revoke ${sessionName(session)}, made ${new Date(session.created_at).toLocaleString()}`}
            onClick={revoke}
          >
            Revoke
          </Button>
        )
      )}
    </li>
  );
}
