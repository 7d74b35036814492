/** A VOD as the API shows it: to its owner, and to whoever may watch it. */
import { z } from "zod";
import { Gap, type PublicVod, Storyboard, type Vod } from "#contract/vods";
import type { Ctx } from "../core/context.ts";
import { objectStore } from "../core/s3.ts";
import { downloadName } from "./download-name.ts";
import { partName } from "./part-name.ts";
import type { PlayablePart } from "./playable-parts.ts";
import type { VodRow } from "./rows.ts";
import { DOWNLOAD_LIFETIME_S, mintVodToken } from "./token.ts";

const Gaps = z.array(Gap);
const Tiles = Storyboard.omit({ url: true });

const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());

/**
 * `query`: what opens a private VOD to whoever has no other credential, e.g. `token=…`; empty for the others. Download
 * addresses are left out.
 */
function shown(ctx: Ctx, { vod, joined_stream_id, parts }: VodRow, query: string): Vod {
  const url = (name: string) => `${ctx.origin()}/api/vod/${vod.public_id}/${name}${query && `?${query}`}`;
  return {
    id: vod.id,
    public_id: vod.public_id,
    stream_id: joined_stream_id,
    title: vod.title,
    visibility: vod.visibility,
    status: vod.status,
    ...(vod.error !== null && { error: vod.error }),
    started_at: new Date(vod.started_at).toISOString(),
    ended_at: iso(vod.ended_at),
    duration: vod.duration_ms / 1000,
    size: vod.size,
    thumbnail_url: vod.has_thumbnail === 1 ? url("thumbnail.jpg") : null,
    storyboard: vod.storyboard && { ...Tiles.parse(vod.storyboard), url: url("storyboard.jpg") },
    playback_url: parts.length > 0 ? url("index.m3u8") : null,
    gaps: Gaps.parse(vod.gaps),
    parts: parts.map((part, index) => ({
      n: index + 1,
      duration: part.duration_ms / 1000,
      size: part.size,
      width: part.width,
      height: part.height,
      codecs: part.codecs,
    })),
  };
}

/** What its owner sets, and an edit compares. */
export const settingsOf = ({ title, visibility }: Pick<Vod, "title" | "visibility">) => ({ title, visibility });

/** What the URLs of this VOD need for somebody who may watch it. */
export async function playQuery(ctx: Ctx, { vod }: VodRow): Promise<string> {
  if (vod.visibility !== "private") return "";
  return `token=${await mintVodToken(ctx.settings, vod.public_id, "play", ctx.now())}`;
}

export async function ownVod(ctx: Ctx, row: VodRow): Promise<Vod> {
  return shown(ctx, row, await playQuery(ctx, row));
}

/** With download addresses. */
export async function ownVodToKeep(ctx: Ctx, row: VodRow): Promise<Vod> {
  const vod = await ownVod(ctx, row);
  const urls = await Promise.all(row.parts.map((part) => downloadUrl(ctx, row, part)));
  const [first] = urls;
  return {
    ...vod,
    ...(first !== undefined && { download_url: first }),
    parts: vod.parts.map((part, index) => ({ ...part, download_url: urls[index] })),
  };
}

export function publicVod(ctx: Ctx, row: VodRow, query: string): PublicVod {
  const { error: _, ...vod } = shown(ctx, row, query);
  return {
    ...vod,
    owner_username: row.owner_username,
    stream_name: row.stream_title,
    stream_public_key: row.stream_public_key,
  };
}

/** From the bucket where browsers can reach it, else through us. */
async function downloadUrl(ctx: Ctx, row: VodRow, part: PlayablePart): Promise<string> {
  const { vod, parts } = row;
  if (ctx.settings.s3?.publicEndpoint) {
    const filename = downloadName(vod, parts, part);
    return objectStore(ctx).presignGet(part.object_key, { seconds: DOWNLOAD_LIFETIME_S, filename, to: "public" });
  }
  const token = await mintVodToken(ctx.settings, vod.public_id, "download", ctx.now());
  const n = parts.indexOf(part) + 1;
  return `${ctx.origin()}/api/vod/${vod.public_id}/parts/${n}.mp4?v=${partName(part)}&token=${token}`;
}
