import { Text } from "@mantine/core";
import { FailureAlert } from "../ui/failure-alert.tsx";
import { waitWords } from "./words.ts";

type Props = {
  /** Null: nothing failed, or what did is said at its field. */
  failure: unknown;
  /** Seconds until another attempt is taken. */
  wait: number;
};

/** Above a form: why it was refused, and for how long. */
export function FormProblem({ failure, wait }: Props) {
  return (
    <>
      {failure !== null && <FailureAlert failure={failure} />}
      {wait > 0 && <Text size="sm">You can try again in {waitWords(wait)}.</Text>}
    </>
  );
}
