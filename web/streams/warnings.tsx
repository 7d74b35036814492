import { IconAlertTriangle } from "@tabler/icons-react";
import type { Stream } from "../api/streams.ts";
import classes from "./warnings.module.css";

/** What its streamer should know about the running broadcast. */
export function Warnings({ of: { warnings = [] } }: { of: Stream }) {
  // The region is there before its first word, or it would not be read out.
  return (
    <div role="status" aria-label="Warnings">
      {warnings.length > 0 && (
        <ul className={classes.warnings}>
          {warnings.map((text) => (
            <li key={text}>
              <IconAlertTriangle size={17} stroke={1.7} aria-hidden="true" />
              {text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
