import { IconEye } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Stream } from "../api/streams.ts";
import { LiveBadge } from "../ui/live-badge.tsx";
import { Since } from "../ui/since.tsx";
import { watchPath } from "./addresses.ts";
import classes from "./stream-tile.module.css";

/** One stream in a grid. The whole tile is the link, named by the title. */
export function StreamTile({ stream }: { stream: Stream }) {
  const live = stream.is_live === 1;
  return (
    <li className={classes.tile}>
      <div className={classes.picture} data-live={live} aria-hidden="true">
        <svg aria-hidden="true" viewBox="0 0 160 90" preserveAspectRatio="xMidYMid slice">
          {WAVES.map((y, index) => (
            <path key={y} d={wave(y, stream.id + index)} />
          ))}
        </svg>
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

const WAVES = [34, 46, 58, 70, 82];

/** A line of water across the tile; `seed` makes each stream's its own. */
function wave(y: number, seed: number): string {
  const swing = 5 + ((seed * 7) % 9);
  const shift = (seed * 37) % 80;
  return `M${-80 - shift} ${y}${` q 20 ${-swing} 40 0 t 40 0`.repeat(5)}`;
}
