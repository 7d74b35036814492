import { useState } from "react";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import classes from "./delete-message-dialog.module.css";
import type { Line } from "./lines.ts";
import { nameOf } from "./words.ts";

/** `line`: null closes it. */
export function DeleteMessageDialog(props: { line: Line | null; close(): void; confirm(line: Line): void }) {
  const { line, close, confirm } = props;
  // What it asks about stays while it fades out.
  const [last, setLast] = useState(line);
  if (line !== null && line !== last) setLast(line);
  return (
    <ConfirmDialog
      opened={line !== null}
      close={close}
      title={last?.own ? "Delete your message?" : "Delete this message?"}
      action="Delete"
      pending={false}
      error={null}
      confirm={() => {
        if (line) confirm(line);
        close();
      }}
    >
      It disappears for everybody, and cannot be brought back.
      {last && (
        <blockquote className={classes.quote}>
          {!last.own && (
            <strong>
              <bdi>{nameOf(last)}</bdi>
            </strong>
          )}
          <bdi>{last.message}</bdi>
        </blockquote>
      )}
    </ConfirmDialog>
  );
}
