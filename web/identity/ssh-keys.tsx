import { Button, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCopy, IconPlus, IconTerminal2, IconTrash } from "@tabler/icons-react";
import type { SshKey } from "../api/credentials.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { copyAloud } from "../ui/copy.tsx";
import { RowFocus } from "../ui/row-focus.tsx";
import { toast } from "../ui/toasts.tsx";
import { CreateSshKeyDialog } from "./create-ssh-key-dialog.tsx";
import { useDeleteSshKey, useSshKeys } from "./credential-queries.ts";
import { SSH_KEY_TYPES } from "./credential-words.ts";
import { KeyRow } from "./key-row.tsx";
import classes from "./rows.module.css";
import { SectionState } from "./section-state.tsx";

export function SshKeys() {
  const keys = useSshKeys();
  const [creating, dialog] = useDisclosure(false);
  if (keys.data === undefined) {
    return <SectionState error={keys.error} retry={() => void keys.refetch()} what="your SSH keys" />;
  }
  return (
    <RowFocus>
      {keys.data.length === 0 ? (
        <p className={classes.none}>You have no SSH keys.</p>
      ) : (
        <ul className={classes.list}>
          {keys.data.map((key) => (
            <SshKeyRow key={key.id} of={key} />
          ))}
        </ul>
      )}
      <div className={classes.more}>
        <Button size="sm" leftSection={<IconPlus size={17} />} onClick={dialog.open}>
          New SSH key
        </Button>
      </div>
      <CreateSshKeyDialog opened={creating} close={dialog.close} />
    </RowFocus>
  );
}

function SshKeyRow({ of: key }: { of: SshKey }) {
  const remove = useDeleteSshKey(key.id);
  const [deleting, dialog] = useDisclosure(false);
  return (
    <>
      <KeyRow
        icon={IconTerminal2}
        name={key.name}
        mark={key.fingerprint}
        facts={<span>{SSH_KEY_TYPES[key.key_type].label}</span>}
        created_at={key.created_at}
        last_used_at={key.last_used_at}
      >
        <Menu.Item
          leftSection={<IconCopy size={18} stroke={1.7} />}
          onClick={() => void copyAloud(key.public_key, "Public key")}
        >
          Copy public key
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={dialog.open}>
          Delete
        </Menu.Item>
      </KeyRow>
      <ConfirmDialog
        opened={deleting}
        close={() => {
          dialog.close();
          remove.reset();
        }}
        title={`Delete “${key.name}”?`}
        action="Delete the key"
        pending={remove.isPending}
        error={remove.error}
        confirm={() => remove.mutate(undefined, { onSuccess: () => toast("Deleted") })}
      >
        It is taken out of your list of public keys. Servers that know it go on letting it in until you remove it there.
      </ConfirmDialog>
    </>
  );
}
