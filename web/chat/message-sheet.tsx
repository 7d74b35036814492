import { Drawer } from "@mantine/core";
import { DEEDS } from "./deed-words.ts";
import { type Deed, useDeeds } from "./deeds.ts";
import { QUICK } from "./emoji.ts";
import type { Line } from "./lines.ts";
import classes from "./message-actions.module.css";
import { perform } from "./message-actions.tsx";
import { nameOf } from "./words.ts";

type Props = { line: Line | null; deeds: readonly Deed[]; close(): void };

/** What can be done with a message, for the thumb: opened by a long press. */
export function MessageSheet({ line, deeds, close }: Props) {
  const all = useDeeds();
  return (
    <Drawer
      opened={line !== null}
      onClose={close}
      position="bottom"
      title={line ? `Message of ${nameOf(line)}` : ""}
      classNames={{ content: classes.drawer ?? "", header: classes.header ?? "" }}
    >
      {line && (
        <div className={classes.sheet}>
          {deeds.includes("react") && (
            <div className={classes.quick}>
              {QUICK.map(([emoji, name]) => (
                <button
                  key={emoji}
                  type="button"
                  aria-label={name}
                  onClick={() => {
                    all.react(line, emoji);
                    close();
                  }}
                >
                  {emoji}
                </button>
              ))}
            </div>
          )}
          {deeds.map((deed) => {
            if (deed === "react") return null;
            const { label, icon: Icon } = DEEDS[deed];
            return (
              <button
                key={deed}
                type="button"
                className={classes.deed}
                data-danger={deed === "delete"}
                onClick={() => {
                  close();
                  perform(deed, line, all);
                }}
              >
                <Icon size={21} stroke={1.7} aria-hidden="true" />
                {label}
              </button>
            );
          })}
        </div>
      )}
    </Drawer>
  );
}
