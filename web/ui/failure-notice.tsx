import { Button, Code, Text } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { asFailure } from "../api/failure.ts";
import { Notice, type NoticeProps } from "./notice.tsx";

type Props = Pick<NoticeProps, "level"> & { failure: unknown; retry(): void };

/** A request that failed: what the API said, its request id for whoever looks into it, and another try. */
export function FailureNotice({ failure, retry, level }: Props) {
  const { message, requestId } = asFailure(failure);
  return (
    <div role="alert">
      <Notice icon={IconCloudOff} title="That did not work" level={level}>
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
