import type { VodStatus } from "#contract/vods";
import classes from "./status-chip.module.css";
import { STATUS_LABELS } from "./words.ts";

export function StatusChip({ status }: { status: VodStatus }) {
  return (
    <span className={classes.chip} data-status={status}>
      <i aria-hidden="true" />
      {STATUS_LABELS[status]}
    </span>
  );
}
