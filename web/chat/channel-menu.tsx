import { ActionIcon, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconPencil, IconTrash } from "@tabler/icons-react";
import { useRef } from "react";
import type { ChannelInfo } from "#contract/chat-frames";
import { EditChannelDialog } from "./edit-channel-dialog.tsx";

/** What its moderators can do with a channel. `remove`: asks whether to delete it; only given to those who may. */
export function ChannelMenu({ info, remove }: { info: ChannelInfo; remove?: (() => void) | undefined }) {
  const [editing, edit] = useDisclosure(false);
  const button = useRef<HTMLButtonElement>(null);
  /** A dialog gives the focus back to where it was, and the menu is gone by then. */
  const fromButton = (open: () => void) => () => {
    button.current?.focus();
    open();
  };
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon ref={button} aria-label="Channel settings">
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={18} stroke={1.7} />} onClick={fromButton(edit.open)}>
            Topic and slow mode
          </Menu.Item>
          {remove && (
            <>
              <Menu.Divider />
              <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={fromButton(remove)}>
                Delete the channel
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <EditChannelDialog info={info} opened={editing} close={edit.close} />
    </>
  );
}
