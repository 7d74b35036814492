import type { KeyboardEvent } from "react";
import { MORE, type NamedEmoji, QUICK } from "./emoji.ts";
import classes from "./emoji-picker.module.css";

const COLUMNS = 8;
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };

/** One stop for Tab; arrows move inside. */
function moveFocus(event: KeyboardEvent<HTMLElement>) {
  const step = STEPS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const all: (Element | null)[] = [...event.currentTarget.querySelectorAll("button")];
  const next = all[Math.min(Math.max(0, all.indexOf(document.activeElement) + step), all.length - 1)];
  if (next instanceof HTMLElement) next.focus();
}

/** The usual ones in the first row, then a few more. */
export function EmojiPicker({ pick }: { pick(emoji: string): void }) {
  const button = ([emoji, name]: NamedEmoji, index: number) => (
    <button
      key={emoji}
      type="button"
      className={classes.emoji}
      aria-label={name}
      title={name}
      tabIndex={index === 0 ? 0 : -1}
      data-autofocus={index === 0 || undefined}
      onClick={() => pick(emoji)}
    >
      {emoji}
    </button>
  );
  return (
    <fieldset className={classes.picker} aria-label="React with" onKeyDown={moveFocus}>
      {QUICK.map(button)}
      <div className={classes.line} aria-hidden="true" />
      {MORE.map((each, index) => button(each, index + QUICK.length))}
    </fieldset>
  );
}
