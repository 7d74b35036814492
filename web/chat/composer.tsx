import { ActionIcon, CloseButton, Textarea } from "@mantine/core";
import { IconCheck, IconCornerUpLeft, IconPencil, IconSend2 } from "@tabler/icons-react";
import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { MESSAGE_MAX, MessageText } from "#contract/chat";
import classes from "./composer.module.css";
import { keepFocus } from "./keep-focus.ts";
import type { Line } from "./lines.ts";
import { useSecondsUntil } from "./use-seconds-until.ts";
import { countdown, nameOf } from "./words.ts";

/** How much room is left is told when it gets scarce. */
const COUNTED_FROM = MESSAGE_MAX - 300;
/** What keys are called that an input method takes. */
const IME_KEY = 229;

/** What the field is about, besides a new message. */
export type Writing = { kind: "reply" | "edit"; line: Line } | null;

export type ComposerHandle = { focus(): void };

type Props = {
  label: string;
  draft: string;
  keepDraft(text: string): void;
  writing: Writing;
  /** UTC ms before which slow mode takes no message. */
  notBefore: number;
  /** False: it is too late for that, and what was written stays to be used otherwise. */
  send(text: string): boolean;
  cancel(): void;
  typed(): void;
  /** Arrow up in the empty field. */
  editLast(): void;
  handle: Ref<ComposerHandle>;
};

const lengthOf = (text: string) => [...text].length;

export function Composer(props: Props) {
  const { label, draft, keepDraft, writing, notBefore, send, cancel, typed, editLast, handle } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const [drafted, setDrafted] = useState(draft);
  const [edited, setEdited] = useState<{ line: Line; text: string } | null>(null);
  const editing = writing?.kind === "edit" ? writing.line : null;
  // What was being written stays, and comes back after the edit.
  const text = !editing ? drafted : edited?.line === editing ? edited.text : editing.message;
  const wait = useSecondsUntil(editing ? 0 : notBefore);
  const left = text.length > COUNTED_FROM ? MESSAGE_MAX - lengthOf(text.trim()) : MESSAGE_MAX;
  const isReady = text.trim() !== "" && left >= 0 && wait === 0;

  useImperativeHandle(handle, () => ({ focus: () => field.current?.focus() }));
  useEffect(() => {
    if (!writing) return;
    field.current?.focus();
    field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
  }, [writing]);

  const keep = (next: string) => {
    setDrafted(next);
    keepDraft(next);
  };
  const change = (next: string) => {
    if (editing) setEdited({ line: editing, text: next });
    else {
      keep(next);
      if (next.trim() !== "") typed();
    }
  };
  const submit = () => {
    const parsed = MessageText.safeParse(text);
    if (!isReady || !parsed.success) return;
    if (!send(parsed.data)) keep(drafted === "" ? text : `${drafted}\n${text}`);
    else if (!editing) keep("");
    setEdited(null);
  };
  const leave = () => {
    setEdited(null);
    cancel();
    field.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    // While a word is being composed its keys are not ours; Safari says so of the last one by its code alone.
    if (event.nativeEvent.isComposing || event.keyCode === IME_KEY) return;
    if (event.key === "Enter" && !event.shiftKey) submit();
    else if (event.key === "Escape" && writing) leave();
    else if (event.key === "ArrowUp" && text === "" && !writing) editLast();
    else return;
    event.preventDefault();
  };

  return (
    <div className={classes.composer} data-composer>
      {writing && <Context writing={writing} cancel={leave} />}
      <div className={classes.field}>
        <Textarea
          ref={field}
          className={classes.input ?? ""}
          classNames={{ input: classes.text ?? "" }}
          variant="unstyled"
          autosize
          minRows={1}
          maxRows={8}
          aria-label={editing ? "Edit your message" : label}
          placeholder={label}
          enterKeyHint="send"
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
          onKeyDown={press}
        />
        <div className={classes.end}>
          {left < MESSAGE_MAX - COUNTED_FROM && (
            <span className={classes.count} data-over={left < 0} title="Characters left">
              {left}
            </span>
          )}
          <ActionIcon
            size={40}
            radius={9}
            variant={isReady ? "filled" : "subtle"}
            color={isReady ? "water" : "gray"}
            aria-label={editing ? "Save" : wait > 0 ? `Slow mode: wait ${countdown(wait)}` : "Send"}
            aria-disabled={!isReady}
            onPointerDown={keepFocus}
            onClick={submit}
          >
            {wait > 0 ? (
              <span className={classes.count}>{countdown(wait)}</span>
            ) : editing ? (
              <IconCheck size={20} />
            ) : (
              <IconSend2 size={20} stroke={1.7} />
            )}
          </ActionIcon>
        </div>
      </div>
    </div>
  );
}

function Context({ writing: { kind, line }, cancel }: { writing: NonNullable<Writing>; cancel(): void }) {
  const isReply = kind === "reply";
  const Icon = isReply ? IconCornerUpLeft : IconPencil;
  return (
    <div className={classes.context}>
      <Icon size={15} stroke={1.8} aria-hidden="true" />
      {isReply ? (
        <span>
          <strong>
            <bdi>{nameOf(line)}</bdi>
          </strong>{" "}
          <bdi>{line.message}</bdi>
        </span>
      ) : (
        <span>
          <strong>Editing your message</strong>
          <span className={classes.hint}> · Escape cancels</span>
        </span>
      )}
      <CloseButton
        size="md"
        aria-label={isReply ? "Do not reply" : "Cancel editing"}
        onPointerDown={keepFocus}
        onClick={cancel}
      />
    </div>
  );
}
