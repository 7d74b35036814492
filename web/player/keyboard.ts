/** Keys of the player. Letters work on the whole page, space and arrows where they mean nothing else. */
export type KeyActions = {
  togglePlay(): void;
  toggleMute(): void;
  toggleFullscreen(): void;
  toLive(): void;
  seek(seconds: number): void;
  changeVolume(by: number): void;
};

const SEEK_S = 5;
const VOLUME_STEP = 0.05;

/** What `event` asks for, or null. `root`: the player's element. */
export function keyAction(event: KeyboardEvent, root: Element): ((actions: KeyActions) => void) | null {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (
    target?.closest("input:not([type=range]), textarea, select, [contenteditable], dialog, [role=dialog], [role=menu]")
  )
    return null;
  const inside = target !== null && root.contains(target);
  // A focused control keeps the keys that operate it.
  const onControl = target?.closest("button, a, input, [role=button], [role=tab], [role=option]") != null;
  const onPage = inside || target === document.body || target === null;
  switch (event.key) {
    case " ":
      return onPage && !onControl ? (actions) => actions.togglePlay() : null;
    case "k":
      return event.repeat ? null : (actions) => actions.togglePlay();
    case "m":
      return event.repeat ? null : (actions) => actions.toggleMute();
    case "f":
      return event.repeat ? null : (actions) => actions.toggleFullscreen();
    case "l":
      return (actions) => actions.toLive();
    case "ArrowLeft":
      return inside && !isRange(target) ? (actions) => actions.seek(-SEEK_S) : null;
    case "ArrowRight":
      return inside && !isRange(target) ? (actions) => actions.seek(SEEK_S) : null;
    case "ArrowUp":
      return inside && !isRange(target) ? (actions) => actions.changeVolume(VOLUME_STEP) : null;
    case "ArrowDown":
      return inside && !isRange(target) ? (actions) => actions.changeVolume(-VOLUME_STEP) : null;
    default:
      return null;
  }
}

const isRange = (target: Element | null): boolean => target instanceof HTMLInputElement && target.type === "range";
