import { IconAlertCircle, IconClock } from "@tabler/icons-react";
import { useDeeds } from "./deeds.ts";
import classes from "./message-row.module.css";
import type { Action, Entry } from "./outbox.ts";
import { useSecondsUntil } from "./use-seconds-until.ts";
import { countdown } from "./words.ts";

export const NOT_DONE: Record<Action["kind"], string> = {
  message: "Not sent",
  edit: "Not changed",
  react: "Reaction not added",
  delete: "Not deleted",
  pin: "Not pinned",
  unpin: "Not unpinned",
};

/** What of a message is on its way or failed. Reactions on their way show themselves. */
export function EntryStates({ entries, tabIndex }: { entries: readonly Entry[]; tabIndex: number }) {
  return entries.map((entry) =>
    entry.state === "failed" ? (
      <Failed key={entry.nonce} entry={entry} tabIndex={tabIndex} />
    ) : entry.action.kind === "react" && entry.problem === null ? null : (
      <Sending key={entry.nonce} entry={entry} />
    ),
  );
}

function Sending({ entry }: { entry: Entry }) {
  const wait = useSecondsUntil(entry.notBefore);
  return (
    <div className={classes.state} data-state="sending">
      <span>
        <IconClock size={14} stroke={1.8} aria-hidden="true" />
        {entry.problem ?? (entry.action.kind === "delete" ? "Deleting" : "Sending")}
        {wait > 0 && ` (${countdown(wait)})`}
      </span>
    </div>
  );
}

function Failed({ entry: { nonce, action, problem, notBefore }, tabIndex }: { entry: Entry; tabIndex: number }) {
  const { retry, discard } = useDeeds();
  const wait = useSecondsUntil(notBefore);
  return (
    <div className={classes.state} data-state="failed">
      <span>
        <IconAlertCircle size={15} stroke={1.8} aria-hidden="true" />
        {NOT_DONE[action.kind]}. {problem}
      </span>
      <button type="button" tabIndex={tabIndex} disabled={wait > 0} onClick={() => retry(nonce)}>
        {wait > 0 ? `Retry in ${countdown(wait)}` : "Retry"}
      </button>
      <button type="button" tabIndex={tabIndex} onClick={() => discard(nonce)}>
        Discard
      </button>
    </div>
  );
}
