/** Streams as the pages use them: cached, refreshed while somebody looks, changed and refreshed again. */
import { type QueryKey, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  createStream,
  deleteStream,
  loadOpenStreams,
  loadOwnStreams,
  loadPublicStreams,
  loadStream,
  regenerateKey,
  type StreamFields,
  updateStream,
} from "../api/streams.ts";

/** Live state on lists: soon enough to see one's own push arrive. A hidden tab does not ask. */
const REFRESH_MS = 3_000;
const REFRESH_PUBLIC_MS = 10_000;

const STREAMS = ["streams"] as const;
const OWN = [...STREAMS, "own"] as const;

export const useOwnStreams = () =>
  useQuery({ queryKey: OWN, queryFn: ({ signal }) => loadOwnStreams(signal), refetchInterval: REFRESH_MS });

/** What the start page shows: to guests only what is open to them. */
export const useListedStreams = (audience: "guest" | "member", enabled: boolean) =>
  useQuery({
    queryKey: [...STREAMS, audience],
    queryFn: ({ signal }) => (audience === "guest" ? loadOpenStreams(signal) : loadPublicStreams(signal)),
    refetchInterval: REFRESH_PUBLIC_MS,
    enabled,
  });

export const useStream = (id: string) =>
  useQuery({ queryKey: [...STREAMS, "one", id], queryFn: ({ signal }) => loadStream(id, signal) });

function useChange<Input, Result>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  const stale: QueryKey = STREAMS;
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: stale }),
  });
}

export const useCreateStream = () => useChange(createStream);
export const useUpdateStream = (id: number) => useChange((input: StreamFields) => updateStream(id, input));
export const useDeleteStream = (id: number) => useChange(() => deleteStream(id));
export const useRegenerateKey = (id: number) => useChange(() => regenerateKey(id));
