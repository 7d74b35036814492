import { Button, Group, Stack, Text } from "@mantine/core";
import { CopyIcon } from "../ui/copy.tsx";
import type { FreshCredentials } from "./queries.ts";
import classes from "./secret-once.module.css";

/** A password to pass on. It is shown this once, so nothing but the button takes it away. */
export function SecretOnce({ username, password, done }: FreshCredentials & { done(): void }) {
  return (
    <Stack gap="md">
      <div>
        <Text size="sm" fw={500}>
          Password of {username}
        </Text>
        <div className={classes.field}>
          <code className={classes.value}>{password}</code>
          <CopyIcon text={password} what="Password" />
        </div>
      </div>
      <Text size="sm">
        It is shown this once and can be looked up nowhere. Pass it on by a way that nobody else reads; {username} can
        change it under Account.
      </Text>
      <Group justify="flex-end">
        <Button onClick={done} data-autofocus>
          I have it
        </Button>
      </Group>
    </Stack>
  );
}
