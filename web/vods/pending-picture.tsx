import { Button } from "@mantine/core";
import { Link } from "react-router";
import type { Vod } from "#contract/vods";
import { Water } from "../ui/water.tsx";
import classes from "./pending-picture.module.css";
import { isMoving, pendingWords } from "./words.ts";

type Props = {
  vod: Pick<Vod, "id" | "status" | "playback_url"> & { error?: string | undefined };
  /** Where it can be watched live meanwhile. */
  livePath: string | null;
};

/** Where the picture will be: what it waits for. */
export function PendingPicture({ vod, livePath }: Props) {
  const { title, text } = pendingWords(vod);
  return (
    <div className={classes.frame}>
      <Water seed={vod.id} calm={!isMoving(vod)} />
      <div className={classes.words} role="status">
        <p>{title}</p>
        <p>{text}</p>
        {vod.status === "recording" && livePath && (
          <Button component={Link} to={livePath} mt="sm">
            Watch it live
          </Button>
        )}
        {vod.status === "processing" && <div className={classes.progress} aria-hidden="true" />}
      </div>
    </div>
  );
}
