import classes from "./live-badge.module.css";

/** `state`: 0 offline, 1 live, 2 encoding (the broadcast is over, its recording is being finished). */
export function LiveBadge({ state }: { state: number }) {
  const kind = state === 1 ? "live" : state === 2 ? "encoding" : "offline";
  const label = { live: "Live", encoding: "Finishing", offline: "Offline" }[kind];
  return (
    <span className={classes.badge} data-kind={kind}>
      <i aria-hidden="true" />
      {label}
    </span>
  );
}
