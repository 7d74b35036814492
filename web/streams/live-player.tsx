import { useEffect, useRef } from "react";
import "../player/player.css";
import type { StreamInfo } from "../player/info.ts";
import { mountPlayer } from "../player/player.ts";

type Props = { streamKey: string; label: string; onInfo(info: StreamInfo): void };

/** The player core in a React page. It lives as long as its key; the label is for screen readers. */
export function LivePlayer({ streamKey, label, onInfo }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const named = useRef(label);
  const told = useRef(onInfo);
  told.current = onInfo;
  useEffect(() => {
    if (!host.current) return;
    const player = mountPlayer(host.current, { streamKey, label: named.current });
    let last: StreamInfo | null = null;
    player.subscribe(({ info }) => {
      if (info && info !== last) told.current(info);
      last = info;
    });
    return () => player.destroy();
  }, [streamKey]);
  return <div ref={host} style={{ height: "100%" }} />;
}
