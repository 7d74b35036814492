/** Who may watch a VOD. A private one is as unknown to everybody else as one that does not exist. */
import { eq } from "drizzle-orm";
import type { Actor } from "#contract/identity";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findVodRow, owns, type VodRow } from "./rows.ts";
import { playQuery } from "./shown.ts";
import { type TokenUse, verifyVodToken } from "./token.ts";

const PUBLIC_ID = /^vod_[A-Za-z0-9_-]{16}$/;

/** `actor` costs a look-up, and is asked only when it decides. */
export type Viewer = { token: string | undefined; actor(): Promise<Actor> };

export type Watchable = {
  row: VodRow;
  /** What further URLs of the VOD need for this viewer, e.g. `token=…`; empty when they need nothing. */
  query: string;
  /** The viewer's address is for downloading. */
  download: boolean;
};

/** `opens`: the tokens that are good for it. Throws `not_found`. */
export async function watchableVod(
  ctx: Ctx,
  publicId: string,
  { token, actor }: Viewer,
  opens: readonly TokenUse[] = ["play"],
): Promise<Watchable> {
  const row = PUBLIC_ID.test(publicId) ? await findVodRow(ctx, eq(vods.public_id, publicId)) : undefined;
  if (!row) throw notFound();
  const use = token === undefined ? null : await verifyVodToken(ctx.settings, publicId, token, ctx.now());
  const held = use !== null && opens.includes(use) ? use : null;
  const download = held === "download";
  if (row.vod.visibility !== "private") return { row, query: "", download };
  // A token leads to nothing that outlives it.
  if (held) return { row, query: `token=${token}`, download };
  if (owns(await actor(), row.vod)) return { row, query: await playQuery(ctx, row), download };
  throw notFound();
}

const notFound = () => new ApiError("not_found", "No such recording");
