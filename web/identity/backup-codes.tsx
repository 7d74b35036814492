import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "../ui/copy.tsx";
import { DownloadButton } from "../ui/download-button.tsx";
import classes from "./two-factor.module.css";

type Props = { codes: readonly string[]; username: string; done(): void };

export function BackupCodes({ codes, username, done }: Props) {
  const [isKept, setKept] = useState(false);
  const text = `${codes.join("\n")}\n`;
  return (
    <Stack gap="md">
      <Text>
        These backup codes let you in when your phone does not, each of them once. They are shown now and can be looked
        up nowhere.
      </Text>
      <ol className={classes.codes} aria-label="Backup codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <Group gap="sm">
        <CopyButton text={text} what="Codes" />
        <DownloadButton text={text} name={`sluice-backup-codes-${username}.txt`} what="Codes" />
      </Group>
      <Checkbox
        label="I have kept them where I find them without my phone"
        checked={isKept}
        onChange={(event) => setKept(event.currentTarget.checked)}
      />
      <Group justify="flex-end">
        <Button disabled={!isKept} onClick={done}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
