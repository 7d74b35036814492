import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { endSession, useSessionEnded } from "../identity/session.ts";
import type { Stage } from "./channel.ts";
import type { Link as Connection } from "./connection.ts";
import classes from "./panel-parts.module.css";
import { useOnline } from "./use-online.ts";

/** A connection that is back at once is no news. */
const PATIENCE_MS = 800;

type Props = {
  link: Connection;
  stage: Stage;
  /** After signing in again. */
  reopen(): void;
};

/** That something is not as it should be with the connection. What passes lies over the list, which stays where it is. */
export function Banner({ link, stage, reopen }: Props) {
  const isOver = link.state === "over";
  const isJoining = stage === "joining";
  const isLate = useLate(!isOver && (stage === "behind" || (isJoining && link.state === "waiting")));
  const isOnline = useOnline();
  const queries = useQueryClient();
  useSessionBack(reopen);
  return (
    <div role="status" className={isOver ? undefined : classes.passing}>
      {isOver ? (
        <div className={classes.banner}>
          Your session is over.
          <Button variant="transparent" size="compact-sm" onClick={() => endSession(queries)}>
            Sign in again
          </Button>
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

/** Whoever has signed in over the page goes on chatting. */
function useSessionBack(done: () => void) {
  const hasEnded = useSessionEnded();
  const had = useRef(hasEnded);
  useEffect(() => {
    if (had.current && !hasEnded) done();
    had.current = hasEnded;
  }, [hasEnded, done]);
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
