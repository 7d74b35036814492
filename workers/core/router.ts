/** Finds the handlers of a path. Most requests are for a path that was asked for before: those are found by one look. */
import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";

const FOUND_MAX = 1000;
/** Longer ones have a token in them, and are asked for once. */
const PATH_MAX = 64;

export class RememberingRouter<T> implements Router<T> {
  readonly name = "RememberingRouter";
  readonly #routers = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] });
  readonly #found = new Map<string, Result<T>>();

  add(method: string, path: string, handler: T): void {
    this.#routers.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    if (path.length > PATH_MAX) return this.#routers.match(method, path);
    const key = `${method} ${path}`;
    const known = this.#found.get(key);
    if (known) return known;
    const found = this.#routers.match(method, path);
    if (this.#found.size >= FOUND_MAX) this.#found.clear();
    this.#found.set(key, found);
    return found;
  }
}
