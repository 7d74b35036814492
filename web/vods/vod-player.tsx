import { useEffect, useRef } from "react";
import "../player/player.css";
import "../player/vod/vod.css";
import { loadVod, type PublicVod } from "../api/vods.ts";
import { type VodPlayer as Mounted, mountVodPlayer } from "../player/vod/player.ts";

type Playable = PublicVod & { playback_url: string };
type Place = { id: string; at: number; paused: boolean };

/** The player core in a React page. When another part of the recording comes it begins anew where the viewer was. */
export function VodPlayer({ vod }: { vod: Playable }) {
  const host = useRef<HTMLDivElement>(null);
  const mounted = useRef<Mounted>(null);
  const place = useRef<Place>(null);
  const latest = useRef(vod);
  latest.current = vod;
  const { public_id, storyboard, gaps, parts } = vod;
  const content = [public_id, ...parts.map(({ duration }) => duration)].join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another address or title is no reason to begin anew
  useEffect(() => {
    if (!host.current) return;
    const { current } = latest;
    const id = current.public_id;
    const before = place.current?.id === id ? place.current : null;
    const player = mountVodPlayer(host.current, {
      // While it is recorded, more is known than can be played.
      vod: { ...current, duration: current.parts.reduce((sum, { duration }) => sum + duration, 0) },
      at: before?.at ?? null,
      autoplay: !before?.paused,
      renew: async () => (await loadVod(id)).playback_url,
    });
    mounted.current = player;
    player.subscribe(({ time, paused, phase }) => {
      place.current = { id, at: time, paused: paused && (phase === "playing" || phase === "ended") };
    });
    return () => player.destroy();
  }, [content]);
  useEffect(() => mounted.current?.update({ storyboard, gaps }), [storyboard, gaps]);
  return <div ref={host} style={{ height: "100%" }} />;
}
