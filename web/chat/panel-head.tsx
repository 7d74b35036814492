import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { ChannelInfo } from "#contract/chat-frames";
import { LiveBadge } from "../ui/live-badge.tsx";
import classes from "./chat-panel.module.css";

type Props = {
  place: "aside" | "page";
  /** Until `info` is there. */
  title: string;
  info: ChannelInfo | null;
  back: ReactNode;
  children: ReactNode;
};

export function PanelHead({ place, title, info, back, children }: Props) {
  const { stream_name, stream_is_live, topic } = info ?? {};
  return (
    <header className={classes.head}>
      {back}
      <div className={classes.about}>
        {place === "aside" ? (
          <Title order={2} className={classes.title}>
            {title}
          </Title>
        ) : (
          <Title order={1} className={classes.title}>
            <bdi>{stream_name ?? (info ? `#${info.name}` : title)}</bdi>
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
