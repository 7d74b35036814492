import type { Vod } from "#contract/vods";
import { Water } from "../ui/water.tsx";
import classes from "./pending-picture.module.css";
import { isMoving, pendingWords } from "./words.ts";

type Props = { vod: Pick<Vod, "id" | "status" | "playback_url"> & { error?: string | undefined } };

/** Where the picture will be: what it waits for. */
export function PendingPicture({ vod }: Props) {
  const { title, text } = pendingWords(vod);
  return (
    <div className={classes.frame}>
      <Water seed={vod.id} calm={!isMoving(vod)} />
      <div className={classes.words} role="status">
        <p>{title}</p>
        <p>{text}</p>
        {isMoving(vod) && <div className={classes.progress} aria-hidden="true" />}
      </div>
    </div>
  );
}
