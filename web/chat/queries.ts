/** Channels as the pages use them: cached, refreshed while somebody looks, changed and refreshed again. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  type Channel,
  type ChannelInput,
  type ChannelUpdate,
  createChannel,
  deleteChannel,
  loadChannels,
  updateChannel,
} from "../api/chat.ts";

/** The server counts what is unread every 10 s. */
const REFRESH_MS = 10_000;

const CHANNELS = ["channels"] as const;

export const useChannels = () =>
  useQuery({ queryKey: CHANNELS, queryFn: ({ signal }) => loadChannels(signal), refetchInterval: REFRESH_MS });

/** Before the server says so: it was read here. */
export const showRead = (queries: QueryClient, id: number) =>
  queries.setQueryData<Channel[]>(CHANNELS, (channels) =>
    channels?.map((channel) => (channel.id === id ? { ...channel, unread_count: 0 } : channel)),
  );

export const refreshChannels = (queries: QueryClient) => queries.invalidateQueries({ queryKey: CHANNELS });

function useChange<Input, Result>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => refreshChannels(queries) });
}

export const useCreateChannel = () => useChange((input: ChannelInput) => createChannel(input));
export const useUpdateChannel = (id: number) => useChange((update: ChannelUpdate) => updateChannel(id, update));
export const useDeleteChannel = (id: number) => useChange(() => deleteChannel(id));
