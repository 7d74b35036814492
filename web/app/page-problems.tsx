import { Button } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconBug, IconMapOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { Notice } from "../ui/notice.tsx";

export function PageNotFound() {
  useDocumentTitle("Not found · Sluice");
  return (
    <Notice icon={IconMapOff} title="There is nothing here" level={1}>
      The address is wrong, or what was here is gone.
      <Button component={Link} to="/">
        To the start
      </Button>
    </Notice>
  );
}

/** A page threw or could not be loaded (for example after an update of the server). */
export function PageFailed() {
  useDocumentTitle("Something went wrong · Sluice");
  return (
    <Notice icon={IconBug} title="This page did not load" level={1}>
      A reload usually helps.
      <Button onClick={() => location.reload()}>Reload</Button>
    </Notice>
  );
}
