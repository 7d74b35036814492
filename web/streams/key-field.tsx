import { ActionIcon, Button, Text, Tooltip, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconEye, IconEyeOff, IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import type { Stream } from "../api/streams.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { CopyIcon } from "../ui/copy.tsx";
import { toast } from "../ui/toasts.tsx";
import classes from "./key-field.module.css";
import { useRegenerateKey } from "./queries.ts";

/** The publishing key: hidden until asked for, since screens are shared; copied without being shown. */
export function KeyField({ stream, streamKey }: { stream: Stream; streamKey: string }) {
  const [revealed, setRevealed] = useState(false);
  const [asking, dialog] = useDisclosure(false);
  const regenerate = useRegenerateKey(stream.id);
  return (
    <div>
      <Text size="sm" fw={500}>
        Stream key
      </Text>
      <div className={classes.field}>
        <code className={classes.value}>
          {revealed ? (
            streamKey
          ) : (
            <>
              <span aria-hidden="true">{"•".repeat(24)}</span>
              <VisuallyHidden>hidden</VisuallyHidden>
            </>
          )}
        </code>
        <Tooltip label={revealed ? "Hide" : "Reveal"}>
          <ActionIcon
            aria-label={revealed ? "Hide stream key" : "Reveal stream key"}
            aria-pressed={revealed}
            onClick={() => setRevealed(!revealed)}
          >
            {revealed ? <IconEyeOff size={19} stroke={1.7} /> : <IconEye size={19} stroke={1.7} />}
          </ActionIcon>
        </Tooltip>
        <CopyIcon text={streamKey} what="Stream key" />
      </div>
      <div className={classes.note}>
        <span>Whoever has it can publish to this stream.</span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<IconRefresh size={15} />}
          onClick={dialog.open}
        >
          New key
        </Button>
      </div>
      <ConfirmDialog
        opened={asking}
        close={dialog.close}
        title="Make a new key?"
        action="Make a new key"
        pending={regenerate.isPending}
        error={regenerate.error}
        confirm={() =>
          regenerate.mutate(undefined, {
            onSuccess: () => {
              dialog.close();
              toast("The new key is in place");
            },
          })
        }
      >
        {stream.is_live === 1 && <strong>The push that is live now ends. </strong>}
        The old key stops working at once. Encoders that use it need the new one.
      </ConfirmDialog>
    </div>
  );
}
