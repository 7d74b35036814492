/** Keys of the players. Letters work on the whole page, space and arrows where they mean nothing else. */
export type SharedKeyActions = {
  togglePlay(): void;
  toggleMute(): void;
  toggleFullscreen(): void;
  seek(seconds: number): void;
  changeVolume(by: number): void;
};

export type KeyActions = SharedKeyActions & { toLive(): void };

const SEEK_S = 5;
const VOLUME_STEP = 0.05;

/** Where a key was pressed. */
export type Reach = {
  /** In the player. */
  inside: boolean;
  /** In the player or nowhere in particular. */
  onPage: boolean;
  /** On something that has keys of its own. */
  onControl: boolean;
  /** On something that arrows move. */
  onRange: boolean;
};

/** Null: the key is not for a player. `root`: the player's element. */
export function reachOf(event: KeyboardEvent, root: Element): Reach | null {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (
    target?.closest("input:not([type=range]), textarea, select, [contenteditable], dialog, [role=dialog], [role=menu]")
  )
    return null;
  const inside = target !== null && root.contains(target);
  return {
    inside,
    onPage: inside || target === document.body || target === null,
    onControl: target?.closest("button, a, input, [role=button], [role=tab], [role=option]") != null,
    onRange: target instanceof HTMLInputElement && target.type === "range",
  };
}

/** What `event` asks of the live player, or null. */
export function keyAction(event: KeyboardEvent, root: Element): ((actions: KeyActions) => void) | null {
  const reach = reachOf(event, root);
  if (!reach) return null;
  return event.key === "l" ? (actions) => actions.toLive() : sharedKeyAction(event, reach);
}

export function sharedKeyAction(
  { key, repeat }: Pick<KeyboardEvent, "key" | "repeat">,
  { inside, onPage, onControl, onRange }: Reach,
): ((actions: SharedKeyActions) => void) | null {
  const arrows = inside && !onRange;
  switch (key) {
    case " ":
      return onPage && !onControl ? (actions) => actions.togglePlay() : null;
    case "k":
      return repeat ? null : (actions) => actions.togglePlay();
    case "m":
      return repeat ? null : (actions) => actions.toggleMute();
    case "f":
      return repeat ? null : (actions) => actions.toggleFullscreen();
    case "ArrowLeft":
      return arrows ? (actions) => actions.seek(-SEEK_S) : null;
    case "ArrowRight":
      return arrows ? (actions) => actions.seek(SEEK_S) : null;
    case "ArrowUp":
      return arrows ? (actions) => actions.changeVolume(VOLUME_STEP) : null;
    case "ArrowDown":
      return arrows ? (actions) => actions.changeVolume(-VOLUME_STEP) : null;
    default:
      return null;
  }
}
