/** SQLite as the pure classes of chat see it: a Durable Object's own, or Node's in tests. */
export type SqlValue = string | number | null | Uint8Array;

export interface Store {
  /** Runs one statement; its rows. Blobs come as `ArrayBuffer` or `Uint8Array`. */
  exec<Row>(query: string, ...values: SqlValue[]): Row[];
  /** All of it or nothing. Synchronous, never nested. */
  transaction<T>(action: () => T): T;
}

/** Messages at rest, under a key of their room. */
export interface Sealer {
  seal(text: string): Uint8Array;
  /** Throws when it was not sealed by this key, or changed. */
  open(sealed: Uint8Array | ArrayBuffer): string;
}
