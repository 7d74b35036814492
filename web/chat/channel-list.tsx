import { VisuallyHidden } from "@mantine/core";
import { IconBroadcast, IconHash, IconLock, IconSpeakerphone, type TablerIcon } from "@tabler/icons-react";
import { NavLink } from "react-router";
import type { Channel } from "../api/chat.ts";
import { LiveBadge } from "../ui/live-badge.tsx";
import { channelPath } from "./addresses.ts";
import { groupsOf } from "./channel-groups.ts";
import classes from "./channel-list.module.css";

const COUNTED_MOST = 99;

/** `present`: the channel that is open; what is new in it is seen already. */
export function ChannelList({ channels, present }: { channels: readonly Channel[]; present: number | null }) {
  return groupsOf(channels).map(({ title, channels: of }) => (
    <section key={title} className={classes.group}>
      <h2 className={classes.heading}>{title}</h2>
      <ul className={classes.list}>
        {of.map((channel) => (
          <li key={channel.id}>
            <Item channel={channel} unread={channel.id === present ? 0 : channel.unread_count} />
          </li>
        ))}
      </ul>
    </section>
  ));
}

function Item({ channel, unread }: { channel: Channel; unread: number }) {
  const Icon = iconOf(channel);
  return (
    <NavLink to={channelPath(channel)} className={classes.channel ?? ""} data-unread={unread > 0}>
      <Icon size={17} stroke={1.8} aria-hidden="true" />
      <span className={classes.name}>
        <bdi>{channel.stream_title ?? channel.name}</bdi>{" "}
        {channel.stream_owner && <bdi className={classes.owner}>{channel.stream_owner}</bdi>}
      </span>
      {channel.stream_is_live === 1 && <LiveBadge state={1} />}
      {unread > 0 && (
        <span className={classes.unread} title={`${unread} unread`}>
          {unread > COUNTED_MOST ? `${COUNTED_MOST}+` : unread}
          <VisuallyHidden> unread</VisuallyHidden>
        </span>
      )}
    </NavLink>
  );
}

function iconOf({ is_stream_channel, visibility, mode }: Channel): TablerIcon {
  if (is_stream_channel) return IconBroadcast;
  if (visibility === "private") return IconLock;
  return mode === "readonly" ? IconSpeakerphone : IconHash;
}
