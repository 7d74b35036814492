/** Streams: one's own, the public ones, one by id or `pub_` key. */
import { z } from "zod";
import { request } from "./request.ts";

const flag = z.union([z.boolean(), z.number()]).transform(Boolean);

const Stream = z.object({
  id: z.number(),
  title: z.string(),
  description: z
    .string()
    .nullish()
    .transform((text) => text ?? ""),
  /** Only in one's own streams. */
  stream_key: z.string().optional(),
  /** Where to push, only in one's own streams. */
  ingest_url: z.string().optional(),
  public_key: z.string(),
  is_public: flag,
  allow_unauthenticated: flag,
  /** 0 offline, 1 live, 2 encoding. */
  is_live: z.number(),
  viewer_count: z.number(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  owner_username: z.string(),
  owner_nickname: z.string().nullish(),
});
export type Stream = z.infer<typeof Stream>;

const StreamList = z.object({ streams: z.array(Stream) });
const OneStream = z.object({ stream: Stream });

export type StreamInput = { title: string; description: string; is_public: boolean; allow_unauthenticated: boolean };

const at = (id: number | string) => `/api/streams/${encodeURIComponent(id)}`;

export const loadOwnStreams = async (signal?: AbortSignal) =>
  (await request("GET", "/api/streams", StreamList, undefined, signal)).streams;

export const loadPublicStreams = async (signal?: AbortSignal) =>
  (await request("GET", "/api/streams/public", StreamList, undefined, signal)).streams;

/** For guests: live, public, open to those without an account. */
export const loadOpenStreams = async (signal?: AbortSignal) =>
  (await request("GET", "/api/streams/open", StreamList, undefined, signal)).streams;

export const loadStream = async (id: string, signal?: AbortSignal) =>
  (await request("GET", at(id), OneStream, undefined, signal)).stream;

export const createStream = (input: StreamInput) =>
  request("POST", "/api/streams", z.object({ id: z.number(), stream_key: z.string() }), input);

export const updateStream = async (id: number, input: StreamInput) =>
  (await request("PUT", at(id), OneStream, input)).stream;

export const deleteStream = (id: number) => request("DELETE", at(id), z.object({ success: z.boolean() }));

export const regenerateKey = async (id: number) =>
  (await request("POST", `${at(id)}/regenerate-key`, z.object({ stream_key: z.string() }), {})).stream_key;
