import { Modal } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";

type Props = {
  opened: boolean;
  close(): void;
  /** It has left the screen. Not before: what was shown once must not be seen to vanish. */
  gone(): void;
  title: string;
  /** Whoever left now would never see what is made or shown: nothing but a button of its own closes it. */
  held: boolean;
  children: ReactNode;
};

/** A dialog that makes something and then shows it once, under another title. */
export function HeldDialog({ opened, close, gone, title, held, children }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const last = useRef(title);
  useEffect(() => {
    // The field that had the focus is gone, and what is there instead is to be read out.
    if (opened && last.current !== title) body.current?.focus();
    last.current = title;
  }, [opened, title]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      onExitTransitionEnd={gone}
      title={title}
      withCloseButton={!held}
      closeOnClickOutside={!held}
      closeOnEscape={!held}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields */}
      <div ref={body} role="group" aria-label={title} tabIndex={-1} style={{ outline: "none" }}>
        {children}
      </div>
    </Modal>
  );
}
