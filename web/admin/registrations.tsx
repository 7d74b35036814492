import { Loader } from "@mantine/core";
import { asFailure } from "../api/failure.ts";
import type { Invite } from "../api/users.ts";
import { Portrait } from "../identity/portrait.tsx";
import { DateOnly } from "../ui/when.tsx";
import classes from "./invite-row.module.css";
import { useRegistrations } from "./queries.ts";

/** Who came by a code. Accounts that were deleted since are not among them. */
export function Registrations({ of }: { of: Pick<Invite, "id"> }) {
  const { data, error } = useRegistrations(of.id);
  if (data === undefined) {
    return (
      <p className={classes.note} role={error ? "alert" : "status"}>
        {error ? asFailure(error).message : <Loader size="xs" aria-label="Loading who came by it" />}
      </p>
    );
  }
  if (data.length === 0) return <p className={classes.note}>Whoever came by it has no account any more.</p>;
  return (
    <ul className={classes.people} aria-label="Who came by it">
      {data.map(({ id, username, created_at }) => (
        <li key={id} className={classes.person}>
          <Portrait of={{ username, nickname: null }} size={28} />
          <bdi>{username}</bdi>
          <span>
            <DateOnly at={created_at} />
          </span>
        </li>
      ))}
    </ul>
  );
}
