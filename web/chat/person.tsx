import type { CSSProperties } from "react";
import type { ChatProfile } from "#contract/chat";
import classes from "./person.module.css";
import { hueOf, nameOf } from "./words.ts";

type Person = Pick<ChatProfile, "username" | "nickname" | "anonymous" | "role">;

/** Each person has a colour; all are equally easy to read. */
const hue = ({ username }: Person) => ({ "--hue": hueOf(username) }) as CSSProperties;

export function Name({ person }: { person: Person }) {
  return (
    <bdi className={classes.name} data-anonymous={person.anonymous} style={person.anonymous ? {} : hue(person)}>
      {nameOf(person)}
    </bdi>
  );
}

const ROLES = { user: null, moderator: "Mod", admin: "Admin", superadmin: "Admin" } as const;

export function Role({ person }: { person: Person }) {
  const label = person.anonymous ? null : ROLES[person.role];
  return label && <span className={classes.role}>{label}</span>;
}
