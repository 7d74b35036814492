import { Button, Loader } from "@mantine/core";
import { IconMovie } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import type { Stream } from "#contract/streams";
import { vodPath } from "./addresses.ts";
import classes from "./aftermath.module.css";
import { useStreamRecordings } from "./recordings-of-stream.ts";

/** The clocks of the edge and of the media worker may differ. */
const CLOCKS_MS = 15_000;
/** A recording that is not here by then is not for this visitor, or does not come. */
const PATIENCE_MS = 90_000;

export type BroadcastEnd = {
  /** Its recording is being finished; the server says so. */
  finishing: boolean;
  /** It may still turn up. */
  awaited: boolean;
  /** When the broadcast that ended during this visit began: UTC ms. */
  startedAt: number | null;
};

type Live = Pick<Stream, "is_live" | "started_at">;

/** Notices that a broadcast ends while somebody looks; null while there is no such end. */
export function useBroadcastEnd({ is_live, started_at }: Live): BroadcastEnd | null {
  const seen = useRef<number | null>(null);
  const [endedAt, setEndedAt] = useState<number | null>(null);
  const [patient, setPatient] = useState(true);
  if (is_live !== 0 && started_at) seen.current = Date.parse(started_at);
  useEffect(() => {
    if (is_live === 1) setEndedAt(null);
    else if (seen.current !== null || is_live === 2) setEndedAt((before) => before ?? Date.now());
  }, [is_live]);
  useEffect(() => {
    setPatient(true);
    if (endedAt === null) return;
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [endedAt]);
  if (is_live === 1 || endedAt === null) return null;
  return { finishing: is_live === 2, awaited: is_live === 2 || patient, startedAt: seen.current };
}

type Props = { stream: Stream; own: boolean; end: BroadcastEnd };

/** After a broadcast: its recording is being finished, then where it is. */
export function Aftermath({ stream, own, end }: Props) {
  const { vods } = useStreamRecordings(stream, { own, soon: end.awaited });
  const { startedAt } = end;
  const recording = vods.find(
    ({ started_at, playback_url, status }) =>
      playback_url !== null &&
      status !== "recording" &&
      (startedAt === null || Date.parse(started_at) > startedAt - CLOCKS_MS),
  );
  const link = startedAt !== null && recording;
  // Unlisted ones come, but not to everybody's sight.
  const promised = stream.record === 1 && (own || stream.allow_unauthenticated === 1);
  if (!link && !end.finishing && !(end.awaited && promised)) return null;
  return (
    <div className={classes.aftermath} role="status">
      {link ? (
        <>
          <span>The broadcast is over, and its recording is here.</span>
          <Button component={Link} to={vodPath(link)} size="sm" leftSection={<IconMovie size={17} stroke={1.7} />}>
            Watch the recording
          </Button>
        </>
      ) : (
        <>
          <Loader size={18} aria-hidden="true" />
          <span>The broadcast is over. Its recording is being finished …</span>
        </>
      )}
    </div>
  );
}
