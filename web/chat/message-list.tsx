import { IconArrowDown } from "@tabler/icons-react";
import { type KeyboardEvent, type PointerEvent, type Ref, useImperativeHandle, useMemo, useRef, useState } from "react";
import { VirtualList, type VirtualListHandle } from "../ui/virtual-list.tsx";
import { type Deed, deedsFor, type Rights } from "./deeds.ts";
import { keepFocus } from "./keep-focus.ts";
import type { Line } from "./lines.ts";
import { type Dropdown, MessageActions } from "./message-actions.tsx";
import classes from "./message-list.module.css";
import { MessageRow } from "./message-row.tsx";
import { MessageSheet } from "./message-sheet.tsx";
import { rowsOf } from "./rows.ts";
import type { Shown } from "./shown.ts";
import { useLongPress } from "./use-long-press.ts";

export type MessageListHandle = {
  toEnd(): void;
  /** Shows a message and where it is. False: it is not in the list. */
  find(id: number): boolean;
  /** Of the message, or of the last one. */
  focus(key?: string): void;
};

type Props = {
  shown: readonly Shown[];
  label: string;
  rights: Rights;
  /** So many came since the reader left the end; null: they are at the end. */
  unseen: number | null;
  isLoadingOlder: boolean;
  atEnd(isAtEnd: boolean): void;
  nearBeginning(): void;
  /** Escape: to where one writes. */
  leave(): void;
  handle: Ref<MessageListHandle>;
};

const STEPS: Record<string, number> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -8,
  PageDown: 8,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function MessageList(props: Props) {
  const { shown, label, rights, unseen, isLoadingOlder, leave, handle } = props;
  const list = useRef<VirtualListHandle>(null);
  const rows = useMemo(() => rowsOf(shown), [shown]);
  const keys = useMemo(() => shown.map(({ key }) => key), [shown]);
  /** Under the mouse, or with the focus. */
  const [active, setActive] = useState<string | null>(null);
  const [opened, setOpened] = useState<Dropdown | null>(null);
  const [current, setCurrent] = useState<string | null>(null);
  const [found, setFound] = useState<string | null>(null);
  const [pressed, setPressed] = useState<Line | null>(null);
  const press = useLongPress((element) => {
    const line = shown.find(({ key }) => key === keyOf(element))?.line;
    if (line) setPressed(line);
  });

  const entrance = current !== null && keys.includes(current) ? current : keys.at(-1);
  const article = (key: string) => list.current?.row(key)?.querySelector<HTMLElement>("article");
  const focus = (key: string | undefined) => {
    if (key === undefined) return;
    list.current?.show(key, "nearest");
    article(key)?.focus({ preventScroll: true });
  };
  useImperativeHandle(handle, () => ({
    toEnd: () => list.current?.toEnd(),
    find(id) {
      const key = shown.find(({ line, isSent }) => isSent && line.id === id)?.key;
      if (key === undefined) return false;
      list.current?.show(key, "middle");
      setFound(key);
      article(key)?.focus({ preventScroll: true });
      return true;
    },
    focus: (key = keys.at(-1)) => focus(key),
  }));

  const open = (key: string, what: Dropdown | null, done = false) => {
    setOpened(what);
    if (what !== null) setActive(key);
    else if (done) setActive(null);
    else focus(key);
  };

  const pressKey = (event: KeyboardEvent<HTMLElement>) => {
    const { target, key } = event;
    const at = keyOf(target);
    if (opened !== null || at === null || event.defaultPrevented) return;
    const step = STEPS[key];
    if (step !== undefined) {
      const index = Math.min(Math.max(0, keys.indexOf(at) + step), keys.length - 1);
      focus(keys[index]);
    } else if (key === "Escape") leave();
    else if (target instanceof HTMLElement && target.matches("article") && (key === "Enter" || key === " ")) {
      open(at, "menu");
    } else return;
    event.preventDefault();
  };

  const point = ({ target, pointerType }: PointerEvent) => {
    const key = keyOf(target);
    if (opened === null && pointerType === "mouse" && key !== active) setActive(key);
  };

  return (
    <div className={classes.frame}>
      {isLoadingOlder && <div className={classes.older}>Loading older messages…</div>}
      <VirtualList
        className={classes.list}
        role="log"
        // What is scrolled into sight is no news: those are told apart from the list, and not all at once.
        aria-live="off"
        aria-label={label}
        tabIndex={-1}
        keys={keys}
        handle={list}
        atEnd={props.atEnd}
        nearBeginning={props.nearBeginning}
        onKeyDown={pressKey}
        onPointerMove={point}
        onAnimationEnd={() => setFound(null)}
        onPointerLeave={() => opened === null && setActive(null)}
        onFocus={({ target }) => {
          const key = keyOf(target);
          if (key === null) return;
          setCurrent(key);
          if (target.matches(":focus-visible")) setActive(key);
        }}
        onBlur={({ currentTarget, relatedTarget }) => {
          if (opened === null && !currentTarget.contains(relatedTarget)) setActive(null);
        }}
        {...press}
        row={(index) => {
          const row = rows[index];
          if (!row) return null;
          const { at, isNewDay, isFirst } = row;
          const { key, line, isSent } = row.shown;
          const isActive = key === active && isSent;
          return (
            <MessageRow
              row={row.shown}
              at={at}
              isNewDay={isNewDay}
              isFirst={isFirst}
              isCurrent={key === entrance}
              isActive={isActive}
              isFound={key === found}
              canReact={rights.canSend}
            >
              {isActive && (
                <MessageActions
                  line={line}
                  deeds={deedsFor(line, rights, Date.now())}
                  opened={opened}
                  open={(what, done) => open(key, what, done)}
                />
              )}
            </MessageRow>
          );
        }}
      />
      {unseen !== null && <ToEnd unseen={unseen} go={() => list.current?.toEnd()} />}
      <MessageSheet line={pressed} deeds={sheetDeeds(pressed, rights)} close={() => setPressed(null)} />
    </div>
  );
}

const sheetDeeds = (line: Line | null, rights: Rights): Deed[] => (line ? deedsFor(line, rights, Date.now()) : []);

/** Of the row that it is in. */
function keyOf(target: EventTarget): string | null {
  const row = target instanceof Element ? target.closest<HTMLElement>("[data-key]") : null;
  return row?.dataset.key ?? null;
}

function ToEnd({ unseen, go }: { unseen: number; go(): void }) {
  const words = unseen === 0 ? "To the newest" : unseen === 1 ? "1 new message" : `${unseen} new messages`;
  return (
    <button type="button" className={classes.new} data-any={unseen > 0} onPointerDown={keepFocus} onClick={go}>
      <IconArrowDown size={17} stroke={2} aria-hidden="true" />
      {words}
    </button>
  );
}
