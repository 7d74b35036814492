import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { toast } from "./toasts.tsx";

const CONFIRMED_MS = 2_000;

/** Copies and says so, or what to do instead. */
export async function copyAloud(text: string, what: string): Promise<boolean> {
  const copied = await copyText(text);
  toast(copied ? `${what} copied` : "The browser does not allow copying: select the text instead");
  return copied;
}

/** Puts text on the clipboard; also over plain HTTP, where browsers hide the clipboard API. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThroughSelection(text);
  }
}

function copyThroughSelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  const before = document.activeElement;
  // Inside an open dialog, or its focus trap takes the selection back.
  (before?.closest("[role=dialog]") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}

function useCopy(text: string, what: string) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), CONFIRMED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => setCopied(await copyAloud(text, what));
  return { copied, copy: () => void copy() };
}

type Props = {
  text: string;
  /** What is copied, in words: "Stream key". */
  what: string;
};

export function CopyIcon({ text, what }: Props) {
  const { copied, copy } = useCopy(text, what);
  return (
    <Tooltip label={`Copy ${what.toLowerCase()}`}>
      <ActionIcon aria-label={`Copy ${what.toLowerCase()}`} color={copied ? "water" : "gray"} onClick={copy}>
        {copied ? <IconCheck size={19} /> : <IconCopy size={19} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}

export function CopyButton({ text, what }: Props) {
  const { copied, copy } = useCopy(text, what);
  return (
    <Button
      variant="default"
      size="sm"
      leftSection={copied ? <IconCheck size={17} /> : <IconCopy size={17} stroke={1.7} />}
      onClick={copy}
    >
      Copy {what.toLowerCase()}
    </Button>
  );
}
