/** When this isolate answered its first request: before one, a Worker has no clock. */
let since: number | undefined;

export function uptimeMs(now: number): number {
  since ??= now;
  return now - since;
}
