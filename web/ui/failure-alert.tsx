import { Alert, Text } from "@mantine/core";
import { asFailure, isSignedOut } from "../api/failure.ts";

/** Above a form: what failed and belongs to none of its fields. */
export function FailureAlert({ failure }: { failure: unknown }) {
  const { message, requestId } = asFailure(failure);
  // It is seen by whoever has signed in again meanwhile: the API's own words are for programs.
  const isLate = isSignedOut(failure);
  return (
    <Alert color="coral" role="alert" p="sm">
      {isLate ? "Your session had ended, so this was not done. Try it again." : message}
      {requestId && !isLate && <Text size="xs">Request {requestId}</Text>}
    </Alert>
  );
}
