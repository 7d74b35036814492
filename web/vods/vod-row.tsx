import { Link } from "react-router";
import type { Vod } from "../api/vods.ts";
import { Since } from "../ui/since.tsx";
import { When } from "../ui/when.tsx";
import { vodPath } from "./addresses.ts";
import { StatusChip } from "./status-chip.tsx";
import { Thumbnail } from "./thumbnail.tsx";
import { VisibilityMark } from "./visibility-mark.tsx";
import { VodMenu } from "./vod-menu.tsx";
import classes from "./vod-row.module.css";
import { size, statusExplained } from "./words.ts";

type Props = {
  vod: Vod;
  /** Null once it is deleted, or while that is not known. */
  streamTitle: string | null;
};

/** One recording in its owner's library. */
export function VodRow({ vod, streamTitle }: Props) {
  const explained = statusExplained(vod);
  return (
    <li className={classes.row}>
      <Link to={vodPath(vod)} className={classes.picture} tabIndex={-1} aria-hidden="true">
        <Thumbnail vod={vod} />
      </Link>
      <div className={classes.about}>
        <h2 className={classes.title}>
          <Link to={vodPath(vod)}>{vod.title}</Link>
        </h2>
        <div className={classes.facts}>
          <When at={vod.started_at} />
          {streamTitle && streamTitle !== vod.title && <span>{streamTitle}</span>}
          {vod.status === "recording" ? (
            <span>
              for <Since from={vod.started_at} />
            </span>
          ) : (
            vod.size > 0 && <span>{size(vod.size)}</span>
          )}
          <VisibilityMark visibility={vod.visibility} />
        </div>
        <div className={classes.state}>
          <StatusChip status={vod.status} />
          {explained && <p>{explained}</p>}
        </div>
      </div>
      <VodMenu vod={vod} />
    </li>
  );
}
