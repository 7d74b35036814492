import { Button, Popover, Title } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { Portrait } from "../identity/portrait.tsx";
import type { Channel } from "./channel.ts";
import classes from "./panel-parts.module.css";
import { Name, Role } from "./person.tsx";
import { useStore } from "./use-channel.ts";

/** How many are here, and who. */
export function People({ channel }: { channel: Channel }) {
  const { users, total, guests } = useStore(channel.store, ({ view }) => view.people);
  const here = total + guests;
  const unlisted = total - users.length;
  const rest = [
    unlisted > 0 ? `${unlisted.toLocaleString()} more` : null,
    guests > 0 ? `${guests.toLocaleString()} ${guests === 1 ? "guest" : "guests"}` : null,
  ].filter((words) => words !== null);
  return (
    <Popover width={260} position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-md"
          h={36}
          px={10}
          leftSection={<IconUsers size={17} stroke={1.7} />}
          aria-label={`${here} here`}
        >
          {here.toLocaleString()}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={10}>
        <Title order={3} size="sm" px={4} mb={4}>
          Here now
        </Title>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what may scroll must be reachable by keyboard */}
        <ul className={classes.list} tabIndex={0}>
          {users.map((user, index) => (
            <li key={user.user_id ?? `anonymous ${index}`}>
              <Portrait of={user} size={32} />
              <Name person={user} />
              <Role person={user} />
            </li>
          ))}
        </ul>
        {rest.length > 0 && <p className={classes.rest}>{`${users.length > 0 ? "and " : ""}${rest.join(" and ")}`}</p>}
      </Popover.Dropdown>
    </Popover>
  );
}
