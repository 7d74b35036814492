import { Button, Modal, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useForget, useRefresh, useSession, useSessionEnded } from "./session.ts";
import { SignInForm } from "./sign-in-form.tsx";

/** Over any page whose session has ended: what was typed there is still there after signing in again. */
export function SessionDialog() {
  const { me } = useSession();
  const refresh = useRefresh();
  const forget = useForget();
  const opened = useSessionEnded() && me !== null;
  const goBack = usePage(opened);
  return (
    <Modal
      opened={opened}
      onClose={forget}
      title="Your session has ended"
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      returnFocus={false}
      onExitTransitionEnd={goBack}
      zIndex={400}
    >
      <Text>Sign in again, and you go on where you were. Nothing of this page is lost.</Text>
      {me && <SignInForm name={me.username} signedIn={refresh} />}
      <Button variant="subtle" color="gray" fullWidth mt="xs" onClick={forget}>
        Go on without signing in
      </Button>
    </Modal>
  );
}

/**
 * Keeps the page beneath as it was: Escape would close a dialog there, with what is typed in it. Listens from the start
 * on and before any page does. Returns how to put the focus back, which a button loses while it is busy.
 */
function usePage(isCovered: boolean): () => void {
  const covered = useRef(isCovered);
  covered.current = isCovered;
  const last = useRef<EventTarget | null>(null);
  useEffect(() => {
    const hold = (event: KeyboardEvent) => {
      if (covered.current && event.key === "Escape") event.stopImmediatePropagation();
    };
    const remember = (event: FocusEvent) => {
      if (!covered.current) last.current = event.target;
    };
    addEventListener("keydown", hold, { capture: true });
    addEventListener("focusin", remember);
    return () => {
      removeEventListener("keydown", hold, { capture: true });
      removeEventListener("focusin", remember);
    };
  }, []);
  return () => {
    if (last.current instanceof HTMLElement) last.current.focus();
  };
}
