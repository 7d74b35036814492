import { ActionIcon, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconPencil, IconTrash } from "@tabler/icons-react";
import type { ChannelInfo } from "#contract/chat-frames";
import { EditChannelDialog } from "./edit-channel-dialog.tsx";

/** What its moderators can do with a channel. `remove`: asks whether to delete it; only given to those who may. */
export function ChannelMenu({ info, remove }: { info: ChannelInfo; remove?: (() => void) | undefined }) {
  const [editing, edit] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon aria-label="Channel settings">
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={18} stroke={1.7} />} onClick={edit.open}>
            Topic and slow mode
          </Menu.Item>
          {remove && (
            <>
              <Menu.Divider />
              <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={remove}>
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
