/** Where a player stands: idle or in use, on the whole screen, in a window of its own. */

const IDLE_MS = 2_500;

export type Activity = {
  /** Shows the controls again. */
  wake(): void;
  /** Hides them at once. */
  sleep(): void;
};

/** Hides the controls when the pointer rests. */
export function followActivity(root: HTMLElement, signal: AbortSignal): Activity {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sleep = () => {
    clearTimeout(timer);
    root.dataset.idle = "true";
  };
  const wake = () => {
    clearTimeout(timer);
    root.dataset.idle = "false";
    timer = setTimeout(sleep, IDLE_MS);
  };
  for (const type of ["pointermove", "pointerdown", "focusin"]) root.addEventListener(type, wake, { signal });
  // A finger leaves whenever it is lifted.
  root.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && sleep(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  wake();
  return { wake, sleep };
}

/** iPhones put only the video element itself on the whole screen. */
type PhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

export const fullscreenSupported = (video: PhoneVideo): boolean =>
  document.fullscreenEnabled || video.webkitEnterFullscreen !== undefined;

export const pipSupported = (): boolean => document.pictureInPictureEnabled ?? false;

export async function toggleFullscreen(root: HTMLElement, video: PhoneVideo): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await root.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  } catch {
    // The browser or the framing page does not allow it: the picture stays where it is.
  }
}

export async function togglePip(video: HTMLVideoElement): Promise<void> {
  try {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await video.requestPictureInPicture();
  } catch {
    // Not before the first picture, or not allowed here.
  }
}
