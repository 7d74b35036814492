import { Center, Loader } from "@mantine/core";
import { useTimeout } from "@mantine/hooks";
import { useState } from "react";

/** What comes sooner is no news. */
const PATIENCE_MS = 300;

/** Instead of a page that cannot be shown yet. */
export function PageLoading() {
  const [isLate, setLate] = useState(false);
  useTimeout(() => setLate(true), PATIENCE_MS, { autoInvoke: true });
  return (
    <Center mih="40vh" role="status">
      {isLate && <Loader color="gray" aria-label="Loading" />}
    </Center>
  );
}
