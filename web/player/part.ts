/** A piece of a player: an element, and how it follows the state. */
export type Part<State> = { node: HTMLElement; update(state: State): void };
