/** The recordings of one stream, as far as the visitor may see them. */
import type { Stream } from "#contract/streams";
import type { PublicVod, Vod } from "../api/vods.ts";
import { useLibrary, useStreamVods } from "./queries.ts";

const SHOWN = 12;

export type Recordings = { vods: (Vod | PublicVod)[]; total: number };

/** `soon`: something about them is about to change. */
export function useStreamRecordings(
  { id, public_key }: Pick<Stream, "id" | "public_key">,
  { own, soon }: { own: boolean; soon: boolean },
): Recordings {
  const library = useLibrary({ stream_id: id }, { limit: SHOWN, offset: 0, enabled: own, soon });
  const open = useStreamVods(public_key, { enabled: !own, soon });
  if (own) return library.data ?? { vods: [], total: 0 };
  const vods = (open.data ?? []).slice(0, SHOWN);
  return { vods, total: vods.length };
}
