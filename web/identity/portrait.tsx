import type { CSSProperties } from "react";
import type { Me } from "../api/identity.ts";
import { hueOf, initialsOf, nameOf } from "../chat/words.ts";
import classes from "./portrait.module.css";

type Person = Pick<Me, "username" | "nickname"> & Partial<Pick<Me, "avatar">>;

/** Somebody as a round picture: their emoji or initials on a shade of their colour, easy to read whichever it is. */
export function Portrait({ of, size = 36 }: { of: Person; size?: number }) {
  const { color, emoji, initials } = of.avatar ?? {};
  const style = { "--size": `${size}px`, "--base": color ?? `oklch(62% 0.11 ${hueOf(of.username)})` } as CSSProperties;
  return (
    <span className={classes.portrait} data-kind={emoji ? "emoji" : "initials"} style={style} aria-hidden="true">
      {emoji || initials || initialsOf(nameOf(of))}
    </span>
  );
}
