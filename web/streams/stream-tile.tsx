import { IconEye } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Stream } from "../api/streams.ts";
import { LiveBadge } from "../ui/live-badge.tsx";
import { Since } from "../ui/since.tsx";
import { Water } from "../ui/water.tsx";
import { watchPath } from "./addresses.ts";
import classes from "./stream-tile.module.css";

/** One stream in a grid. The whole tile is the link, named by the title. */
export function StreamTile({ stream }: { stream: Stream }) {
  const live = stream.is_live === 1;
  return (
    <li className={classes.tile}>
      <div className={classes.picture} aria-hidden="true">
        <Water seed={stream.id} calm={!live} />
      </div>
      <div className={classes.badges}>
        <LiveBadge state={stream.is_live} />
        {live && (
          <span className={classes.viewers} title="Viewers">
            <IconEye size={15} stroke={1.8} aria-hidden="true" />
            {stream.viewer_count}
          </span>
        )}
      </div>
      <h3 className={classes.title}>
        <Link to={watchPath(stream)}>{stream.title}</Link>
      </h3>
      <p className={classes.meta}>
        {stream.owner_nickname || stream.owner_username}
        {live && stream.started_at && (
          <>
            {" · "}
            <Since from={stream.started_at} />
          </>
        )}
      </p>
    </li>
  );
}
