import type { ReactNode } from "react";
import classes from "./stage.module.css";

type Props = { player: ReactNode; about: ReactNode; aside?: ReactNode; more?: ReactNode };

/**
 * A page about one picture. `aside`: the room beside it, on narrow screens between what is said `about` it and what
 * `more` there is.
 */
export function Stage({ player, about, aside, more }: Props) {
  return (
    <div className={classes.page} data-aside={aside ? "true" : "false"}>
      <div className={classes.player}>{player}</div>
      <div className={classes.about}>{about}</div>
      {aside && <aside className={classes.aside}>{aside}</aside>}
      {more && <div className={classes.more}>{more}</div>}
    </div>
  );
}
