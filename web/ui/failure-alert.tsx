import { Alert, Text } from "@mantine/core";
import { asFailure } from "../api/failure.ts";

/** Above a form: what failed and belongs to none of its fields. */
export function FailureAlert({ failure }: { failure: unknown }) {
  const { message, requestId } = asFailure(failure);
  return (
    <Alert color="coral" role="alert" p="sm">
      {message}
      {requestId && <Text size="xs">Request {requestId}</Text>}
    </Alert>
  );
}
