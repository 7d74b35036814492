import { Button, Code, Text } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { asFailure } from "../api/failure.ts";
import { Notice } from "./notice.tsx";

/** A request that failed: what the API said, its request id for whoever looks into it, and another try. */
export function FailureNotice({ failure, retry }: { failure: unknown; retry(): void }) {
  const { message, requestId } = asFailure(failure);
  return (
    <div role="alert">
      <Notice icon={IconCloudOff} title="That did not work">
        {message}
        <Button onClick={retry}>Try again</Button>
        {requestId && (
          <Text size="xs" c="dimmed">
            Request <Code>{requestId}</Code>
          </Text>
        )}
      </Notice>
    </div>
  );
}
