import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { ChannelInfo } from "#contract/chat-frames";
import { LiveBadge } from "../ui/live-badge.tsx";
import classes from "./chat-panel.module.css";

type Props = { place: "aside" | "page"; info: ChannelInfo | null; back: ReactNode; children: ReactNode };

export function PanelHead({ place, info, back, children }: Props) {
  const { name, stream_name, stream_is_live, topic } = info ?? {};
  return (
    <header className={classes.head}>
      {back}
      <div className={classes.about}>
        {place === "aside" ? (
          <Title order={2} className={classes.title}>
            Chat
          </Title>
        ) : (
          <Title order={1} className={classes.title}>
            <bdi>{stream_name ?? (name === undefined ? "Chat" : `#${name}`)}</bdi>
            {stream_is_live === 1 && <LiveBadge state={1} />}
          </Title>
        )}
        {topic && (
          <p className={classes.topic} title={topic}>
            {topic}
          </p>
        )}
      </div>
      {children}
    </header>
  );
}
