import { Button, Group, Stack, Text } from "@mantine/core";
import { SecretField } from "../ui/secret-field.tsx";
import type { FreshCredentials } from "./queries.ts";

/** A password to pass on. It is shown this once, so nothing but the button takes it away. */
export function SecretOnce({ username, password, done }: FreshCredentials & { done(): void }) {
  return (
    <Stack gap="md">
      <SecretField label={`Password of ${username}`} value={password} what="Password" />
      <Text size="sm">
        It is shown this once and can be looked up nowhere. Pass it on by a way that nobody else reads; {username} can
        change it under Account, Security.
      </Text>
      <Group justify="flex-end">
        <Button onClick={done}>I have it</Button>
      </Group>
    </Stack>
  );
}
