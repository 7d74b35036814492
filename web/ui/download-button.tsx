import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";

type Props = {
  text: string;
  /** Of the file. */
  name: string;
  /** What is in it, in words: "Private key". */
  what: string;
};

/** Text as a file on the reader's disk, made here. */
export function DownloadButton({ text, name, what }: Props) {
  const download = () => {
    // As text, browsers would add `.txt` to a name without an ending.
    const address = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    // The browser has the file by then.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  };
  return (
    <Button variant="default" size="sm" leftSection={<IconDownload size={17} stroke={1.7} />} onClick={download}>
      Download {what.toLowerCase()}
    </Button>
  );
}
