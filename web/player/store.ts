/** One value that is written in one place and followed in many. */
export type Listener<State> = (state: State) => void;

export type Store<State> = {
  get(): State;
  /** Listeners hear of it at once, and only of changes. */
  set(patch: Partial<State>): void;
  /** Calls `listener` now and on each change; returns how to stop. */
  subscribe(listener: Listener<State>): () => void;
};

export function createStore<State extends object>(initial: State): Store<State> {
  let state = initial;
  const listeners = new Set<Listener<State>>();
  return {
    get: () => state,
    set(patch) {
      const keys = Object.keys(patch) as (keyof State)[];
      if (keys.every((key) => Object.is(state[key], patch[key]))) return;
      state = { ...state, ...patch };
      for (const listener of listeners) listener(state);
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
  };
}
