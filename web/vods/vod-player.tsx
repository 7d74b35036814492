import { useEffect, useRef } from "react";
import "../player/player.css";
import "../player/vod/vod.css";
import { loadVod, type PublicVod } from "../api/vods.ts";
import { mountVodPlayer } from "../player/vod/player.ts";

type Playable = PublicVod & { playback_url: string };

/** The player core in a React page. It begins anew when more of the recording is there, where the viewer was. */
export function VodPlayer({ vod }: { vod: Playable }) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(vod);
  latest.current = vod;
  const content = `${vod.public_id} ${vod.parts.length} ${vod.duration}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an address or a title that changed is no reason to begin anew
  useEffect(() => {
    if (!host.current) return;
    const { public_id } = latest.current;
    const player = mountVodPlayer(host.current, {
      vod: latest.current,
      autoplay: true,
      renew: async () => (await loadVod(public_id)).playback_url,
    });
    return () => player.destroy();
  }, [content]);
  return <div ref={host} style={{ height: "100%" }} />;
}
