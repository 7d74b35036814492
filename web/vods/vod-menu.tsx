import { ActionIcon, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCode, IconDots, IconDownload, IconPencil, IconTrash } from "@tabler/icons-react";
import type { Vod } from "../api/vods.ts";
import { DeleteVodDialog } from "./delete-vod-dialog.tsx";
import { DownloadDialog } from "./download-dialog.tsx";
import { EditVodDialog } from "./edit-vod-dialog.tsx";
import { ShareVodDialog } from "./share-vod-dialog.tsx";

type Props = {
  vod: Pick<Vod, "id" | "public_id" | "title" | "visibility" | "playback_url">;
  deleted?(): void;
};

/** What its owner can do with a recording. */
export function VodMenu({ vod, deleted }: Props) {
  const [editing, edit] = useDisclosure(false);
  const [sharing, share] = useDisclosure(false);
  const [downloading, download] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon aria-label={`More for ${vod.title}`} size={44}>
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={18} stroke={1.7} />} onClick={edit.open}>
            Title and visibility
          </Menu.Item>
          <Menu.Item leftSection={<IconCode size={18} stroke={1.7} />} onClick={share.open}>
            Link and embed
          </Menu.Item>
          <Menu.Item
            leftSection={<IconDownload size={18} stroke={1.7} />}
            onClick={download.open}
            disabled={vod.playback_url === null}
          >
            Download
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={remove.open}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditVodDialog vod={vod} opened={editing} close={edit.close} />
      <ShareVodDialog vod={vod} opened={sharing} close={share.close} />
      <DownloadDialog vod={vod} opened={downloading} close={download.close} />
      <DeleteVodDialog vod={vod} opened={deleting} close={remove.close} {...(deleted ? { deleted } : {})} />
    </>
  );
}
