import { Alert, Button, Skeleton, Stack } from "@mantine/core";
import { asFailure } from "../api/failure.ts";

type Props = {
  /** Of the query; null while it is under way. */
  error: unknown;
  retry(): void;
  /** What is loaded, in words: "your sessions". */
  what: string;
  rows?: number;
};

/** Instead of a list that is not there: it is loading, or it could not be loaded. */
export function SectionState({ error, retry, what, rows = 2 }: Props) {
  if (error) {
    return (
      <Alert color="coral" role="alert" p="sm">
        {asFailure(error).message}{" "}
        <Button variant="transparent" size="compact-sm" onClick={retry}>
          Try again
        </Button>
      </Alert>
    );
  }
  return (
    <Stack gap="sm" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all alike, and they never move
        <Skeleton key={row} height={48} radius="md" />
      ))}
    </Stack>
  );
}
