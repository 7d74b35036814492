import { Link } from "react-router";
import type { Vod } from "#contract/vods";
import { When } from "../ui/when.tsx";
import { vodPath } from "./addresses.ts";
import { StatusChip } from "./status-chip.tsx";
import { Thumbnail } from "./thumbnail.tsx";
import { VisibilityMark } from "./visibility-mark.tsx";
import classes from "./vod-tile.module.css";

type Props = { vod: Omit<Vod, "error" | "download_url">; own: boolean };

/** One recording in a grid. The whole tile is the link, named by the title. */
export function VodTile({ vod, own }: Props) {
  return (
    <li className={classes.tile}>
      <Thumbnail vod={vod} />
      <h3 className={classes.title}>
        <Link to={vodPath(vod)}>{vod.title}</Link>
      </h3>
      <div className={classes.facts}>
        <When at={vod.started_at} />
        {own && vod.visibility !== "public" && <VisibilityMark visibility={vod.visibility} />}
        {vod.status !== "ready" && <StatusChip status={vod.status} />}
      </div>
    </li>
  );
}
