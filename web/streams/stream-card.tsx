import { ActionIcon, Anchor, Button, Collapse, Menu, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconChevronDown,
  IconCode,
  IconDots,
  IconEye,
  IconEyeOff,
  IconKey,
  IconMovie,
  IconPencil,
  IconPlayerPlay,
  IconPlayerRecord,
  IconTrash,
  IconUserOff,
} from "@tabler/icons-react";
import { useId } from "react";
import { Link } from "react-router";
import type { Stream } from "../api/streams.ts";
import { LiveBadge } from "../ui/live-badge.tsx";
import { Since } from "../ui/since.tsx";
import { libraryPath } from "../vods/addresses.ts";
import { watchPath } from "./addresses.ts";
import { DeleteStreamDialog } from "./delete-stream-dialog.tsx";
import { EditStreamDialog } from "./edit-stream-dialog.tsx";
import { EmbedDialog } from "./embed-dialog.tsx";
import { Publishing } from "./publishing.tsx";
import classes from "./stream-card.module.css";
import { Warnings } from "./warnings.tsx";

export function StreamCard({ stream, startsOpen }: { stream: Stream; startsOpen: boolean }) {
  const [open, panel] = useDisclosure(startsOpen);
  const [editing, edit] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const [embedding, embed] = useDisclosure(false);
  const panelId = useId();

  return (
    <li className={classes.card}>
      <div className={classes.head}>
        <div className={classes.about}>
          <div className={classes.name}>
            <LiveBadge state={stream.is_live} />
            <Title order={2} className={classes.title}>
              <Anchor component={Link} to={watchPath(stream)} c="inherit" fw="inherit" underline="hover">
                {stream.title}
              </Anchor>
            </Title>
          </div>
          <Facts stream={stream} />
          <Warnings of={stream} />
        </div>
        <div className={classes.actions}>
          <Button
            variant={open ? "light" : "default"}
            size="sm"
            leftSection={<IconKey size={17} stroke={1.7} />}
            rightSection={<IconChevronDown size={16} className={classes.chevron} data-open={open} />}
            aria-expanded={open}
            aria-controls={panelId}
            onClick={panel.toggle}
          >
            Publish
          </Button>
          <Button
            component={Link}
            to={watchPath(stream)}
            variant="default"
            size="sm"
            leftSection={<IconPlayerPlay size={17} stroke={1.7} />}
          >
            Watch
          </Button>
          <Menu position="bottom-end" width={190}>
            <Menu.Target>
              <ActionIcon aria-label={`More for ${stream.title}`}>
                <IconDots size={20} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconPencil size={18} stroke={1.7} />} onClick={edit.open}>
                Edit
              </Menu.Item>
              <Menu.Item leftSection={<IconCode size={18} stroke={1.7} />} onClick={embed.open}>
                Embed
              </Menu.Item>
              <Menu.Item component={Link} to={libraryPath(stream)} leftSection={<IconMovie size={18} stroke={1.7} />}>
                Recordings
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={remove.open}>
                Delete
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </div>
      <Collapse expanded={open} id={panelId}>
        {open && <Publishing stream={stream} />}
      </Collapse>
      <EditStreamDialog stream={stream} opened={editing} close={edit.close} />
      <EmbedDialog stream={stream} opened={embedding} close={embed.close} />
      <DeleteStreamDialog stream={stream} opened={deleting} close={remove.close} />
    </li>
  );
}

function Facts({ stream }: { stream: Stream }) {
  const isPublic = stream.is_public === 1;
  const Visible = isPublic ? IconEye : IconEyeOff;
  return (
    <Text component="div" size="sm" c="dimmed" className={classes.facts}>
      {stream.is_live === 1 && stream.started_at && (
        <span>
          for <Since from={stream.started_at} />
        </span>
      )}
      {stream.is_live === 1 && <span>{stream.viewer_count === 1 ? "1 viewer" : `${stream.viewer_count} viewers`}</span>}
      {stream.is_live === 0 && (
        <span>
          {stream.ended_at ? (
            <>
              last live <Since from={stream.ended_at} /> ago
            </>
          ) : (
            "not live yet"
          )}
        </span>
      )}
      <span>
        <Visible size={16} stroke={1.7} aria-hidden="true" /> {isPublic ? "Public" : "Private"}
      </span>
      {isPublic && stream.allow_unauthenticated === 1 && (
        <span>
          <IconUserOff size={16} stroke={1.7} aria-hidden="true" /> No account needed
        </span>
      )}
      <span>
        {stream.record === 1 ? (
          <>
            <IconPlayerRecord size={16} stroke={1.7} aria-hidden="true" /> Recorded
          </>
        ) : (
          "Not recorded"
        )}
      </span>
    </Text>
  );
}
