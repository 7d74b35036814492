import { IconCornerUpLeft, IconPinFilled } from "@tabler/icons-react";
import { memo, type ReactNode, useState } from "react";
import { Portrait } from "../identity/portrait.tsx";
import { useDeeds } from "./deeds.ts";
import { EntryStates } from "./entry-states.tsx";
import type { Line } from "./lines.ts";
import { LinkedText } from "./linked-text.tsx";
import classes from "./message-row.module.css";
import { Name, Role } from "./person.tsx";
import type { Shown } from "./shown.ts";
import { dayOf, nameOf, timeOf } from "./words.ts";

/** Longer ones are cut until asked for: one message must not fill the whole list. */
const CUT_CHARACTERS = 1_400;
const CUT_LINES = 14;

type Props = {
  row: Shown;
  at: Date;
  isNewDay: boolean;
  isFirst: boolean;
  /** Where Tab enters the list. */
  isCurrent: boolean;
  /** Its actions are shown. */
  isActive: boolean;
  /** It was looked for, and this is it. */
  isFound: boolean;
  canReact: boolean;
  children: ReactNode;
};

export const MessageRow = memo(function MessageRow(props: Props) {
  const { row, at, isNewDay, isFirst, isCurrent, isActive, isFound, canReact, children } = props;
  const { line, isSent, entries } = row;
  // Tab stops at one row only, and at what is in it.
  const tabIndex = isCurrent ? 0 : -1;
  const isBusy = entries.some(({ state, action }) => state === "sending" && action.kind !== "react");
  return (
    <>
      {isNewDay && <Day at={at} />}
      <article
        className={classes.row}
        data-message={isSent ? line.id : undefined}
        data-first={isFirst}
        data-reply={line.reply_to !== undefined}
        data-active={isActive}
        data-found={isFound}
        data-sent={isSent}
        data-busy={isBusy}
        tabIndex={tabIndex}
        aria-label={`${nameOf(line)}, ${timeOf(at)}: ${line.message}`}
      >
        <div className={classes.side}>{isFirst ? <Portrait of={line} size={32} /> : <Clock at={at} />}</div>
        <div className={classes.main}>
          <Reply line={line} tabIndex={tabIndex} />
          {isFirst && (
            <div className={classes.byline}>
              <Name person={line} />
              <Role person={line} />
              <Time at={at} className={classes.time} />
              {line.pinned && <Pinned />}
            </div>
          )}
          <Words line={line} tabIndex={tabIndex} />
          <Reactions line={line} canReact={canReact} tabIndex={tabIndex} />
          <EntryStates entries={entries} tabIndex={tabIndex} />
        </div>
        {children}
      </article>
    </>
  );
});

function Day({ at }: { at: Date }) {
  return (
    <div className={classes.day}>
      <span>{dayOf(at, new Date())}</span>
    </div>
  );
}

function Time({ at, className }: { at: Date; className: string | undefined }) {
  return (
    <time className={className} dateTime={at.toISOString()} title={at.toLocaleString()}>
      {timeOf(at)}
    </time>
  );
}

/** Of those that go on: there is little room, and little need of it. */
function Clock({ at }: { at: Date }) {
  const short = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (
    <time className={classes.clock} dateTime={at.toISOString()} title={at.toLocaleString()}>
      {short}
    </time>
  );
}

const Pinned = () => (
  <span className={classes.pinned} title="Pinned">
    <IconPinFilled size={13} aria-label="Pinned" />
  </span>
);

type PartProps = { line: Line; tabIndex: number };

function Words({ line: { message, edited_at }, tabIndex }: PartProps) {
  const isLong = message.length > CUT_CHARACTERS || message.split("\n", CUT_LINES + 1).length > CUT_LINES;
  const [isCut, setCut] = useState(true);
  return (
    <>
      <p className={classes.text} dir="auto" data-cut={isLong && isCut}>
        <LinkedText text={message} tabIndex={tabIndex} />
        {edited_at && (
          <>
            {" "}
            <span className={classes.edited} title={new Date(edited_at).toLocaleString()}>
              edited
            </span>
          </>
        )}
      </p>
      {isLong && (
        <button
          type="button"
          className={classes.more}
          tabIndex={tabIndex}
          aria-expanded={!isCut}
          onClick={() => setCut(!isCut)}
        >
          {isCut ? "Show all" : "Show less"}
        </button>
      )}
    </>
  );
}

function Reply({ line: { reply_to, reply_preview: preview }, tabIndex }: PartProps) {
  const { jump } = useDeeds();
  if (reply_to === undefined) return null;
  const icon = <IconCornerUpLeft size={14} stroke={1.8} aria-hidden="true" />;
  if (!preview) {
    return (
      <div className={classes.reply}>
        {icon}
        <span>A message that was deleted</span>
      </div>
    );
  }
  return (
    <button
      type="button"
      className={classes.reply}
      tabIndex={tabIndex}
      aria-label={`In reply to ${preview.username}: ${preview.message}`}
      onClick={() => jump(reply_to)}
    >
      {icon}
      <span>
        <bdi>{preview.username}</bdi> <bdi>{preview.message}</bdi>
      </span>
    </button>
  );
}

function Reactions({ line, canReact, tabIndex }: PartProps & { canReact: boolean }) {
  const { react } = useDeeds();
  if (line.reactions.length === 0) return null;
  return (
    <div className={classes.reactions}>
      {line.reactions.map(({ emoji, count, own }) => {
        const label = `${emoji} ${count === 1 ? "1 reaction" : `${count} reactions`}${own ? ", yours too" : ""}`;
        return canReact ? (
          <button
            key={emoji}
            type="button"
            className={classes.reaction}
            tabIndex={tabIndex}
            aria-pressed={own}
            aria-label={label}
            onClick={() => react(line, emoji)}
          >
            <span>{emoji}</span>
            {count}
          </button>
        ) : (
          <span key={emoji} className={classes.reaction} title={label}>
            <span>{emoji}</span>
            {count}
          </span>
        );
      })}
    </div>
  );
}
