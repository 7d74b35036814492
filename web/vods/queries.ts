/** Recordings as the pages use them: cached, refreshed while something about them changes by itself. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  deleteVod,
  type LibraryFilter,
  loadLibrary,
  loadOwnVod,
  loadStreamVods,
  loadVod,
  type PublicVod,
  updateVod,
  type VodFields,
} from "../api/vods.ts";
import { isMoving } from "./words.ts";

/** While one is recorded or finished, and otherwise: somebody may have begun to broadcast. */
const REFRESH_MOVING_MS = 2_500;
const REFRESH_MS = 15_000;

const VODS = ["vods"] as const;

/** Its pictures come a little after the recording. */
const PICTURES_MS = 120_000;
const mayChange = (vod: Pick<PublicVod, "status" | "storyboard" | "ended_at">): boolean =>
  isMoving(vod) ||
  (vod.storyboard === null && vod.ended_at !== null && Date.now() - Date.parse(vod.ended_at) < PICTURES_MS);

const soonWhen = (moving: boolean | undefined) => (moving ? REFRESH_MOVING_MS : REFRESH_MS);

type LibraryOptions = { limit: number; offset: number; enabled?: boolean; soon?: boolean };

export const useLibrary = (filter: LibraryFilter, { limit, offset, enabled = true, soon = false }: LibraryOptions) =>
  useQuery({
    queryKey: [...VODS, "library", filter, limit, offset],
    queryFn: ({ signal }) => loadLibrary(filter, limit, offset, signal),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => soonWhen(soon || state.data?.vods.some(mayChange)),
    enabled,
  });

/** With addresses to download it: asked for anew each time, since they run out. */
export const useOwnVod = (id: number, enabled: boolean) =>
  useQuery({
    queryKey: [...VODS, "own", id],
    queryFn: ({ signal }) => loadOwnVod(id, signal),
    staleTime: 0,
    enabled,
  });

export const useStreamVods = (streamKey: string, { enabled, soon }: { enabled: boolean; soon: boolean }) =>
  useQuery({
    queryKey: [...VODS, "stream", streamKey],
    queryFn: ({ signal }) => loadStreamVods(streamKey, signal),
    refetchInterval: ({ state }) => soonWhen(soon || state.data?.some(mayChange)),
    enabled,
  });

export const useVod = (publicId: string) =>
  useQuery({
    queryKey: [...VODS, "one", publicId],
    queryFn: ({ signal }) => loadVod(publicId, signal),
    refetchInterval: ({ state }) => (state.data && mayChange(state.data) ? REFRESH_MOVING_MS : false),
  });

function useChange<Input, Result>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: VODS }),
  });
}

export const useUpdateVod = (id: number) => useChange((fields: VodFields) => updateVod(id, fields));

export function useDeleteVod(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => deleteVod(id),
    // Its own page is left rather than asked for again.
    onSuccess: () =>
      queries.invalidateQueries({ queryKey: VODS, predicate: ({ queryKey }) => !queryKey.includes("one") }),
  });
}
