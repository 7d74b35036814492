/** Channels of the chat. What is said in them comes by `/ws/chat`. */
import { z } from "zod";
import { type Channel, type ChannelInput, ChannelList, type ChannelUpdate, CreatedChannel } from "#contract/chat";
import { request } from "./request.ts";

export type { Channel, ChannelInput, ChannelUpdate };

const Success = z.object({ success: z.literal(true) });
const at = (id: number) => `/api/chat/channels/${id}`;

/** Default ones first, then by name. */
export const loadChannels = async (signal?: AbortSignal) =>
  (await request("GET", "/api/chat/channels", ChannelList, undefined, signal)).channels;

export const createChannel = (input: ChannelInput) => request("POST", "/api/chat/channels", CreatedChannel, input);

export const updateChannel = (id: number, update: ChannelUpdate) => request("PUT", at(id), Success, update);

export const deleteChannel = (id: number) => request("DELETE", at(id), Success);
