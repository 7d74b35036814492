import { ActionIcon, Button, Popover, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPinFilled, IconPinnedOff } from "@tabler/icons-react";
import classes from "./panel-parts.module.css";
import type { Pin } from "./room.ts";

type Props = { pins: readonly Pin[]; canModerate: boolean; jump(id: number): void; unpin(id: number): void };

/** The newest pinned message, and a way to all of them. */
export function Pins({ pins, canModerate, jump, unpin }: Props) {
  const [opened, list] = useDisclosure(false);
  const [newest] = pins;
  if (!newest) return null;
  const go = (id: number) => {
    list.close();
    jump(id);
  };
  return (
    <section className={classes.pins} aria-label="Pinned messages">
      <IconPinFilled size={15} aria-hidden="true" />
      <PinButton pin={newest} go={go} />
      <Popover
        opened={opened}
        onChange={list.set}
        width="min(360px, calc(100vw - 24px))"
        position="bottom-end"
        shadow="md"
        trapFocus
        returnFocus
      >
        <Popover.Target>
          <Button variant="subtle" color="gray" size="compact-sm" h={32} onClick={list.toggle}>
            {pins.length === 1 ? "Show" : `All ${pins.length}`}
          </Button>
        </Popover.Target>
        <Popover.Dropdown p={8} aria-label="Pinned messages">
          <ul className={classes.list}>
            {pins.map((pin) => (
              <li key={pin.id}>
                <PinButton pin={pin} go={go} />
                {canModerate && (
                  <Tooltip label="Unpin">
                    <ActionIcon size={32} aria-label="Unpin" onClick={() => unpin(pin.id)}>
                      <IconPinnedOff size={17} stroke={1.7} />
                    </ActionIcon>
                  </Tooltip>
                )}
              </li>
            ))}
          </ul>
        </Popover.Dropdown>
      </Popover>
    </section>
  );
}

function PinButton({ pin: { id, username, message }, go }: { pin: Pin; go(id: number): void }) {
  return (
    <button type="button" className={classes.pin} onClick={() => go(id)}>
      <bdi>{username}</bdi> <bdi>{message}</bdi>
    </button>
  );
}
