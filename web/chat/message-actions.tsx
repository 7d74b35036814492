import { ActionIcon, Menu, Popover, Tooltip } from "@mantine/core";
import { IconCornerUpLeft, IconDots, IconMoodPlus } from "@tabler/icons-react";
import { DEEDS } from "./deed-words.ts";
import { type Deed, type Deeds, useDeeds } from "./deeds.ts";
import { EmojiPicker } from "./emoji-picker.tsx";
import type { Line } from "./lines.ts";
import classes from "./message-actions.module.css";

/** Which of a message's two dropdowns is open. */
export type Dropdown = "menu" | "picker";

/** While it fades out a dropdown would still take the focus to itself, and to nowhere when it is gone. */
const AT_ONCE = { duration: 0 };

type Props = {
  line: Line;
  deeds: readonly Deed[];
  opened: Dropdown | null;
  /** Null closes it. `done`: something was done that leads the focus elsewhere. */
  open(what: Dropdown | null, done?: boolean): void;
};

/** What can be done with a message, at the message: for the mouse and the keyboard. */
export function MessageActions({ line, deeds, opened, open }: Props) {
  const all = useDeeds();
  const can = (deed: Deed) => deeds.includes(deed);
  return (
    <div className={classes.bar}>
      {can("react") && (
        <Popover
          opened={opened === "picker"}
          onChange={(isOpen) => open(isOpen ? "picker" : null)}
          position="top-end"
          shadow="md"
          trapFocus
          transitionProps={AT_ONCE}
        >
          <Popover.Target>
            <Tooltip label="React" disabled={opened !== null}>
              <ActionIcon size={30} aria-label="React" onClick={() => open(opened === "picker" ? null : "picker")}>
                <IconMoodPlus size={18} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
          </Popover.Target>
          <Popover.Dropdown p={8} aria-label="React">
            <EmojiPicker
              pick={(emoji) => {
                all.react(line, emoji);
                open(null);
              }}
            />
          </Popover.Dropdown>
        </Popover>
      )}
      {can("reply") && (
        <Tooltip label="Reply" disabled={opened !== null}>
          <ActionIcon size={30} aria-label="Reply" onClick={() => all.reply(line)}>
            <IconCornerUpLeft size={18} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      )}
      <Menu
        opened={opened === "menu"}
        onChange={(isOpen) => open(isOpen ? "menu" : null)}
        closeOnItemClick={false}
        position="bottom-end"
        width={200}
        transitionProps={AT_ONCE}
        returnFocus={false}
        // Not the key that opens it: it is on its way to the document still.
        clickOutsideEvents={["mousedown", "touchstart"]}
      >
        <Menu.Target>
          <ActionIcon size={30} aria-label="More actions">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {deeds.map((deed) => {
            const { label, icon: Icon } = DEEDS[deed];
            return (
              <Menu.Item
                key={deed}
                {...(deed === "delete" && { color: "coral" })}
                leftSection={<Icon size={18} stroke={1.7} />}
                onClick={() => {
                  if (deed === "react") return open("picker");
                  open(null, deed === "reply" || deed === "edit" || deed === "delete");
                  perform(deed, line, all);
                }}
              >
                {label}
              </Menu.Item>
            );
          })}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

type Performed = Exclude<Deed, "react">;

const WAYS: Record<Performed, (line: Line, deeds: Deeds) => void> = {
  reply: (line, deeds) => deeds.reply(line),
  copy: (line, deeds) => deeds.copy(line),
  edit: (line, deeds) => deeds.edit(line),
  pin: (line, deeds) => deeds.setPinned(line, true),
  unpin: (line, deeds) => deeds.setPinned(line, false),
  delete: (line, deeds) => deeds.remove(line),
};

/** Everything but reacting, which wants an emoji first. */
export const perform = (deed: Performed, line: Line, deeds: Deeds): void => WAYS[deed](line, deeds);
