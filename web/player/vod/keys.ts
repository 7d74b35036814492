/** Keys of the player of recordings: those of the live player, and more ways to move. */
import { reachOf, type SharedKeyActions, sharedKeyAction } from "../keyboard.ts";

export type VodKeyActions = SharedKeyActions & {
  /** Part of the whole, 0 to 1. */
  seekToShare(share: number): void;
  changeSpeed(steps: 1 | -1): void;
};

const LEAP_S = 10;

/** What `event` asks for, or null. `root`: the player's element. */
export function vodKeyAction(event: KeyboardEvent, root: Element): ((actions: VodKeyActions) => void) | null {
  const reach = reachOf(event, root);
  if (!reach) return null;
  switch (event.key) {
    case "j":
      return (actions) => actions.seek(-LEAP_S);
    case "l":
      return (actions) => actions.seek(LEAP_S);
    case "<":
      return (actions) => actions.changeSpeed(-1);
    case ">":
      return (actions) => actions.changeSpeed(1);
    // On the page itself these scroll it.
    case "Home":
      return reach.inside && !reach.onRange ? (actions) => actions.seekToShare(0) : null;
    case "End":
      return reach.inside && !reach.onRange ? (actions) => actions.seekToShare(1) : null;
    default:
      return /^[0-9]$/.test(event.key)
        ? (actions) => actions.seekToShare(Number(event.key) / 10)
        : sharedKeyAction(event, reach);
  }
}
