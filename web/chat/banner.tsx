import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation } from "react-router";
import { signInAddress } from "../identity/next-page.ts";
import { ME } from "../identity/session.ts";
import type { Stage } from "./channel.ts";
import type { Link as Connection } from "./connection.ts";
import classes from "./panel-parts.module.css";
import { useOnline } from "./use-online.ts";

/** A connection that is back at once is no news. */
const PATIENCE_MS = 800;

type Props = { link: Connection; stage: Stage };

/** That something is not as it should be with the connection. What passes lies over the list, which stays where it is. */
export function Banner({ link, stage }: Props) {
  const isOver = link.state === "over";
  const isJoining = stage === "joining";
  const isLate = useLate(!isOver && (stage === "behind" || (isJoining && link.state === "waiting")));
  const isOnline = useOnline();
  const place = useLocation();
  const queries = useQueryClient();
  return (
    <div role="status" className={isOver ? undefined : classes.passing}>
      {isOver ? (
        <div className={classes.banner}>
          Your session is over.
          {/* The page still believes in the session, and would be led back from there at once. */}
          <Link to={signInAddress(place)} onClick={() => queries.setQueryData(ME, null)}>
            Sign in again
          </Link>
        </div>
      ) : (
        isLate && (
          <div className={classes.banner}>
            {!isOnline && link.state !== "open"
              ? "You are offline. What you write is sent later."
              : isJoining
                ? "The chat does not answer. Trying again…"
                : "Reconnecting…"}
          </div>
        )
      )}
    </div>
  );
}

function useLate(is: boolean): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!is) return;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [is]);
  return isLate;
}
