/** Recordings: one's own library, those of a stream, one by its public id. */
import { z } from "zod";
import { PublicVod, type Visibility, Vod, type VodStatus } from "#contract/vods";
import { request } from "./request.ts";

export type { PublicVod, Visibility, Vod, VodStatus };

const Library = z.object({ vods: z.array(Vod), total: z.int() });
export type Library = z.infer<typeof Library>;
const OneVod = z.object({ vod: Vod });

/** What the owner may change. */
export type VodFields = { title: string; visibility: Visibility };

export type LibraryFilter = { stream_id?: number | undefined; status?: VodStatus | undefined };

const at = (id: number) => `/api/library/${id}`;

export function loadLibrary(filter: LibraryFilter, limit: number, offset: number, signal?: AbortSignal) {
  const query = new URLSearchParams({ limit: String(limit), offset: String(offset) });
  if (filter.stream_id !== undefined) query.set("stream_id", String(filter.stream_id));
  if (filter.status !== undefined) query.set("status", filter.status);
  return request("GET", `/api/library?${query}`, Library, undefined, signal);
}

/** With addresses to download it, good for an hour. */
export const loadOwnVod = async (id: number, signal?: AbortSignal) =>
  (await request("GET", at(id), OneVod, undefined, signal)).vod;

export const updateVod = async (id: number, fields: VodFields) => (await request("PUT", at(id), OneVod, fields)).vod;

export const deleteVod = (id: number) => request("DELETE", at(id), z.object({ message: z.string() }));

/** The public ones of a stream that can be played, newest first. */
export const loadStreamVods = async (streamKey: string, signal?: AbortSignal) => {
  const list = z.object({ vods: z.array(PublicVod) });
  const path = `/api/vod?stream=${encodeURIComponent(streamKey)}`;
  return (await request("GET", path, list, undefined, signal)).vods;
};

export const loadVod = async (publicId: string, signal?: AbortSignal) => {
  const path = `/api/vod/${encodeURIComponent(publicId)}`;
  return (await request("GET", path, z.object({ vod: PublicVod }), undefined, signal)).vod;
};
