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
  useHeldEscape(opened);
  return (
    <Modal
      opened={opened}
      onClose={forget}
      title="Your session has ended"
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
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

/** Escape would close a dialog beneath, with what is typed in it. Listens from the start on and before any page does. */
function useHeldEscape(isHeld: boolean) {
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    const hold = (event: KeyboardEvent) => {
      if (held.current && event.key === "Escape") event.stopImmediatePropagation();
    };
    addEventListener("keydown", hold, { capture: true });
    return () => removeEventListener("keydown", hold, { capture: true });
  }, []);
}
