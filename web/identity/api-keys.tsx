import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import type { Me } from "../api/identity.ts";
import { RowFocus } from "../ui/row-focus.tsx";
import { ApiKeyRow } from "./api-key-row.tsx";
import { CreateApiKeyDialog } from "./create-api-key-dialog.tsx";
import { useApiKeys } from "./credential-queries.ts";
import classes from "./rows.module.css";
import { SectionState } from "./section-state.tsx";
import { endWords } from "./words.ts";

export function ApiKeys({ me }: { me: Me }) {
  const keys = useApiKeys();
  const [creating, dialog] = useDisclosure(false);
  if (keys.data === undefined) {
    return <SectionState error={keys.error} retry={() => void keys.refetch()} what="your API keys" />;
  }
  const now = Date.now();
  const ended = keys.data.filter((key) => endWords(key, now) !== null);
  const open = keys.data.filter((key) => !ended.includes(key));
  return (
    <RowFocus>
      {keys.data.length === 0 ? (
        <p className={classes.none}>You have no API keys.</p>
      ) : (
        <ul className={classes.list}>
          {[...open, ...ended].map((key) => (
            <ApiKeyRow key={key.id} of={key} />
          ))}
        </ul>
      )}
      <div className={classes.more}>
        <Button size="sm" leftSection={<IconPlus size={17} />} onClick={dialog.open}>
          New API key
        </Button>
      </div>
      <CreateApiKeyDialog me={me} opened={creating} close={dialog.close} />
    </RowFocus>
  );
}
