import { Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBan, IconKey, IconTrash } from "@tabler/icons-react";
import type { ApiKey } from "../api/credentials.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { When } from "../ui/when.tsx";
import { useDeleteApiKey, useRevokeApiKey } from "./credential-queries.ts";
import { scopeWords } from "./credential-words.ts";
import { KeyRow } from "./key-row.tsx";
import { endWords } from "./words.ts";

export function ApiKeyRow({ of: key }: { of: ApiKey }) {
  const [revoking, revoke] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const ended = endWords(key, Date.now());
  return (
    <>
      <KeyRow
        icon={IconKey}
        name={key.name}
        ended={ended}
        mark={`${key.key_prefix}…`}
        created_at={key.created_at}
        last_used_at={key.last_used_at}
        facts={
          <>
            <span>{scopeWords(key.scopes)}</span>
            {ended === null && (
              <span>
                {key.expires_at ? (
                  <>
                    until <When at={key.expires_at} />
                  </>
                ) : (
                  "does not expire"
                )}
              </span>
            )}
          </>
        }
      >
        {ended === null && (
          <>
            <Menu.Item leftSection={<IconBan size={18} stroke={1.7} />} onClick={revoke.open}>
              Revoke
            </Menu.Item>
            <Menu.Divider />
          </>
        )}
        <Menu.Item color="coral" leftSection={<IconTrash size={18} stroke={1.7} />} onClick={remove.open}>
          Delete
        </Menu.Item>
      </KeyRow>
      <RevokeDialog of={key} opened={revoking} close={revoke.close} />
      <DeleteDialog of={key} isOpen={ended === null} opened={deleting} close={remove.close} />
    </>
  );
}

type DialogProps = { of: ApiKey; opened: boolean; close(): void };

function RevokeDialog({ of: key, opened, close }: DialogProps) {
  const revoke = useRevokeApiKey(key.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        revoke.reset();
      }}
      title={`Revoke “${key.name}”?`}
      action="Revoke"
      pending={revoke.isPending}
      error={revoke.error}
      confirm={() =>
        revoke.mutate(undefined, {
          onSuccess: () => {
            toast("Revoked");
            close();
          },
        })
      }
    >
      Whatever uses it is refused from now on, and there is no way back. It stays in the list.
    </ConfirmDialog>
  );
}

function DeleteDialog({ of: key, isOpen, opened, close }: DialogProps & { isOpen: boolean }) {
  const remove = useDeleteApiKey(key.id);
  return (
    <ConfirmDialog
      opened={opened}
      close={() => {
        close();
        remove.reset();
      }}
      title={`Delete “${key.name}”?`}
      action="Delete the key"
      pending={remove.isPending}
      error={remove.error}
      confirm={() => remove.mutate(undefined, { onSuccess: () => toast("Deleted") })}
    >
      {isOpen
        ? "Whatever uses it is refused from now on, and nothing of it is left in the list."
        : "It opens nothing any more. Nothing of it is left in the list then."}
    </ConfirmDialog>
  );
}
