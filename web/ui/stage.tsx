import type { ReactNode } from "react";
import classes from "./stage.module.css";

type Props = { player: ReactNode; about: ReactNode; aside?: ReactNode };

/** A page about one picture. `aside`: the room beside it, below it on narrow screens. */
export function Stage({ player, about, aside }: Props) {
  return (
    <div className={classes.page} data-aside={aside ? "true" : "false"}>
      <div className={classes.player}>{player}</div>
      <div className={classes.about}>{about}</div>
      {aside && <aside className={classes.aside}>{aside}</aside>}
    </div>
  );
}
