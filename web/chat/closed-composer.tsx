import { Button } from "@mantine/core";
import { Link, useLocation } from "react-router";
import { signInAddress } from "../identity/next-page.ts";
import classes from "./composer.module.css";

/** In place of the field, where one may only read: why, and what to do about it. */
export function ClosedComposer({ isGuest, isReadonly }: { isGuest: boolean; isReadonly: boolean }) {
  const place = useLocation();
  return (
    <div className={classes.composer}>
      <div className={classes.closed}>
        {isGuest ? "Sign in to write" : isReadonly ? "Only moderators write here" : "You cannot write here"}
        {isGuest && (
          <Button component={Link} to={signInAddress(place)} size="xs" h={36}>
            Sign in
          </Button>
        )}
      </div>
    </div>
  );
}
