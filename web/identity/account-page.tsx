import { Title } from "@mantine/core";
import { NavLink, Outlet } from "react-router";
import { DateOnly } from "../ui/when.tsx";
import classes from "./account-page.module.css";
import { useSession } from "./session.ts";

const PARTS: readonly (readonly [to: string, label: string])[] = [
  ["/account", "Profile"],
  ["/account/security", "Security"],
  ["/account/keys", "Keys"],
];

/** What the parts of one's account have around them. */
export function AccountPage() {
  const { me } = useSession();
  if (!me) return null;
  return (
    <div className={classes.page}>
      <Title order={1}>Account</Title>
      <p className={classes.facts}>
        <bdi>{me.username}</bdi> since <DateOnly at={me.created_at} />
      </p>
      <nav className={classes.parts} aria-label="Account">
        {PARTS.map(([to, label]) => (
          <NavLink key={to} to={to} end className={classes.part ?? ""}>
            {label}
          </NavLink>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
