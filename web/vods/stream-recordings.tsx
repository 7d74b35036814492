import { Title } from "@mantine/core";
import { Link } from "react-router";
import type { Stream } from "#contract/streams";
import { libraryPath } from "./addresses.ts";
import { useStreamRecordings } from "./recordings-of-stream.ts";
import classes from "./stream-recordings.module.css";
import { VodTile } from "./vod-tile.tsx";

type Props = { stream: Stream; own: boolean; soon: boolean };

/** What a stream left behind, below its player: to its owner all of it, to others what is public. */
export function StreamRecordings({ stream, own, soon }: Props) {
  const { vods, total } = useStreamRecordings(stream, { own, soon });
  if (vods.length === 0) return null;
  return (
    <section className={classes.recordings}>
      <div className={classes.head}>
        <Title order={2} className={classes.heading}>
          Recordings
        </Title>
        {own && (
          <Link to={libraryPath(stream)}>{total > vods.length ? `All ${total} in the library` : "In the library"}</Link>
        )}
      </div>
      <ul className={classes.grid}>
        {vods.map((vod) => (
          <VodTile key={vod.public_id} vod={vod} own={own} />
        ))}
      </ul>
    </section>
  );
}
