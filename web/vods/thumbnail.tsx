import type { Vod } from "#contract/vods";
import { clock, spoken } from "../player/vod/clock.ts";
import { Water } from "../ui/water.tsx";
import classes from "./thumbnail.module.css";

type Props = { vod: Pick<Vod, "id" | "thumbnail_url" | "duration" | "status"> };

/** A picture of the recording, or water where it has none, and its length once that is certain. */
export function Thumbnail({ vod }: Props) {
  const { thumbnail_url, duration, status } = vod;
  return (
    <div className={classes.thumbnail}>
      {thumbnail_url ? (
        <img src={thumbnail_url} alt="" loading="lazy" decoding="async" />
      ) : (
        <Water seed={vod.id} calm={status === "failed"} />
      )}
      {duration > 0 && status !== "recording" && (
        <span className={classes.duration}>
          <span aria-hidden="true">{clock(duration)}</span>
          <span className={classes.spoken}>{spoken(duration)}</span>
        </span>
      )}
    </div>
  );
}
