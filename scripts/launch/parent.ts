/** Notices that whoever started us is gone, however it died. */

const LOOK_EVERY_MS = 250;

/**
 * Calls `gone` once when the parent dies. npm leaves its children running when it is killed, so its death is seen by
 * the parent's id changing; `scripts/start.mjs` keeps a channel open. Started from a shell directly, the launcher
 * outlives it, as any server would (`SLUICE_EXIT_WITH_PARENT=1` ties it to that parent too).
 */
export function watchParent(gone: () => void): void {
  process.once("disconnect", gone);
  const tied = process.env.npm_lifecycle_event !== undefined || process.env.SLUICE_EXIT_WITH_PARENT === "1";
  if (!tied || process.channel !== undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, LOOK_EVERY_MS);
  timer.unref();
}
