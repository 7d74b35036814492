import { Button, Skeleton } from "@mantine/core";
import { IconLock, IconMessageOff } from "@tabler/icons-react";
import { Link, useLocation } from "react-router";
import type { ChannelInfo, ChatErrorCode } from "#contract/chat-frames";
import { signInAddress } from "../identity/next-page.ts";
import { Notice } from "../ui/notice.tsx";
import classes from "./chat-panel.module.css";

export function Loading() {
  return (
    <div className={classes.loading} role="status" aria-label="Loading the chat">
      {[70, 45, 85, 55, 65].map((width) => (
        <div key={width}>
          <Skeleton circle height={32} width={32} />
          <div>
            <Skeleton height={12} width={90} mt={4} />
            <Skeleton height={12} width={`${width}%`} mt={9} />
          </div>
        </div>
      ))}
    </div>
  );
}

export function Empty({ info }: { info: ChannelInfo }) {
  return (
    <div className={classes.body}>
      <p className={classes.empty}>
        <strong>Nothing said yet</strong>
        {info.stream_id === undefined && info.description && <bdi>{info.description}</bdi>}
        {info.can_send ? "Say hello: everybody here sees it at once." : "What is said here appears by itself."}
      </p>
    </div>
  );
}

/** Why there is nothing to read here. */
export function Refused({ code }: { code: ChatErrorCode }) {
  const place = useLocation();
  return (
    <div className={classes.body}>
      {code === "unauthenticated" ? (
        <Notice icon={IconLock} title="Sign in to read this chat">
          It is not open to guests.
          <Button component={Link} to={signInAddress(place)}>
            Sign in
          </Button>
        </Notice>
      ) : code === "not_found" ? (
        <Notice icon={IconMessageOff} title="This chat is gone">
          It was deleted, or it is not open to you any more.
        </Notice>
      ) : (
        <Notice icon={IconLock} title="This chat is not open to you" />
      )}
    </div>
  );
}
