/** Streams: one's own, the public ones, one by id or `pub_` key. */
import { z } from "zod";
import { CreatedStream, NewStreamKey, OneStream, type Stream, StreamList } from "#contract/streams";
import { request } from "./request.ts";

export type { Stream };

/** What the forms edit. */
export type StreamFields = {
  title: string;
  description: string;
  is_public: boolean;
  allow_unauthenticated: boolean;
  record: boolean;
};

const at = (id: number | string) => `/api/streams/${encodeURIComponent(id)}`;

const loadList = async (path: string, signal?: AbortSignal) =>
  (await request("GET", path, StreamList, undefined, signal)).streams;

export const loadOwnStreams = (signal?: AbortSignal) => loadList("/api/streams", signal);

export const loadPublicStreams = (signal?: AbortSignal) => loadList("/api/streams/public", signal);

/** For guests: live, public, open to those without an account. */
export const loadOpenStreams = (signal?: AbortSignal) => loadList("/api/streams/open", signal);

export const loadStream = async (id: string, signal?: AbortSignal) =>
  (await request("GET", at(id), OneStream, undefined, signal)).stream;

export const createStream = (fields: StreamFields) => request("POST", "/api/streams", CreatedStream, fields);

export const updateStream = async (id: number, fields: StreamFields) =>
  (await request("PUT", at(id), OneStream, fields)).stream;

export const deleteStream = (id: number) => request("DELETE", at(id), z.object({ success: z.literal(true) }));

export const regenerateKey = (id: number) => request("POST", `${at(id)}/regenerate-key`, NewStreamKey, {});
