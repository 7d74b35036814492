/** Clicks and taps on the picture. A finger shows and hides the controls first; two taps at a side leap. */
import type { Activity } from "../stage.ts";

const LEAP_S = 10;
const TWICE_MS = 320;

type Actions = { togglePlay(): void; toggleFullscreen(): void; seek(seconds: number): void };

/** Which way a double tap at `share` of the width leaps: back, forward, or nowhere in the middle. */
export const leapAt = (share: number): number => (share < 1 / 3 ? -LEAP_S : share > 2 / 3 ? LEAP_S : 0);

export function followPicture(
  video: HTMLVideoElement,
  root: HTMLElement,
  actions: Actions,
  { wake, sleep }: Activity,
  signal: AbortSignal,
): void {
  let idleBefore = false;
  let lastTap = Number.NEGATIVE_INFINITY;
  // Before the root takes the touch as a sign of life.
  const noteIdle = () => {
    idleBefore = root.dataset.idle === "true";
  };
  const tap = (event: MouseEvent) => {
    const twice = event.timeStamp - lastTap < TWICE_MS;
    lastTap = twice ? Number.NEGATIVE_INFINITY : event.timeStamp;
    const { left, width } = video.getBoundingClientRect();
    const leap = leapAt((event.clientX - left) / Math.max(1, width));
    if (twice && leap !== 0) {
      actions.seek(leap);
      wake();
    } else if (idleBefore) wake();
    else sleep();
  };
  const touched = (event: Event) => event instanceof PointerEvent && event.pointerType === "touch";
  video.addEventListener("pointerdown", noteIdle, { signal });
  video.addEventListener("click", (event) => (touched(event) ? tap(event) : actions.togglePlay()), { signal });
  video.addEventListener("dblclick", () => !matchMedia("(hover: none)").matches && actions.toggleFullscreen(), {
    signal,
  });
}
