/** Who may ask the play server for what: the Worker by its signature, viewers (`PLAYBACK=direct`) by a path token. */
import type { LinkKeys } from "#contract/media";
import { type PathClaims, verifyPathToken } from "#kit/path-token";
import { verifyRequest } from "#kit/request-signature";

/** Tokens that have held before: checking one costs more than sending a part. */
const REMEMBERED_TOKENS = 20_000;
/** Streams whose tokens were revoked; the oldest revocations are of tokens that have expired by then. */
const REMEMBERED_STREAMS = 10_000;

/** `viewer`: of a path token; null for the Worker, which counts viewers itself. */
export type Access = { streamId: number; viewer: string | null };

export class AccessCheck {
  #keys: LinkKeys = { request: [], path: [] };
  readonly #tokens = new Map<string, PathClaims>();
  /** Oldest generation that still holds, by stream. */
  readonly #generations = new Map<number, number>();

  setKeys(keys: LinkKeys): void {
    this.#keys = keys;
    this.#tokens.clear();
  }

  /** Tokens of the stream's older generations hold no more. */
  revoke(streamId: number, generation: number): void {
    this.#generations.set(streamId, Math.max(generation, this.#generations.get(streamId) ?? 0));
    if (this.#generations.size <= REMEMBERED_STREAMS) return;
    for (const oldest of this.#generations.keys()) {
      this.#generations.delete(oldest);
      return;
    }
  }

  /** Whoever showed this token before may still use it, or null: ask `token`. */
  known(token: string, now: number): Access | null {
    const claims = this.#tokens.get(token);
    if (!claims || claims.expires * 1000 < now || this.#isRevoked(claims)) return null;
    return { streamId: claims.stream_id, viewer: claims.viewer };
  }

  async token(token: string, now: number): Promise<Access | null> {
    const claims = await verifyPathToken(this.#keys.path, token, now);
    if (!claims || this.#isRevoked(claims)) return null;
    if (this.#tokens.size >= REMEMBERED_TOKENS) this.#tokens.clear();
    this.#tokens.set(token, claims);
    return { streamId: claims.stream_id, viewer: claims.viewer };
  }

  async signature(
    streamId: number,
    header: string | undefined,
    method: string,
    url: string,
    now: number,
  ): Promise<Access | null> {
    const holds = await verifyRequest(this.#keys.request, header, method, url, now);
    return holds ? { streamId, viewer: null } : null;
  }

  #isRevoked({ stream_id, generation }: PathClaims): boolean {
    return generation < (this.#generations.get(stream_id) ?? 0);
  }
}
