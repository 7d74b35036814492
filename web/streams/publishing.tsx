import { Tabs, Text } from "@mantine/core";
import type { Stream } from "../api/streams.ts";
import { CopyButton, CopyIcon } from "../ui/copy.tsx";
import { Snippet } from "../ui/snippet.tsx";
import { ffmpegCommand } from "./addresses.ts";
import { KeyField } from "./key-field.tsx";
import classes from "./publishing.module.css";

/** Where to push, with which key, and how to set up the two encoders most people have. */
export function Publishing({ stream }: { stream: Stream }) {
  const { ingest_url: server, stream_key: key } = stream;
  if (!key || !server) return null;
  return (
    <div className={classes.publishing}>
      <div className={classes.credentials}>
        <div>
          <Text size="sm" fw={500}>
            Server
          </Text>
          <div className={classes.server}>
            <code>{server}</code>
            <CopyIcon text={server} what="Server address" />
          </div>
        </div>
        <KeyField stream={stream} streamKey={key} />
      </div>
      <Tabs defaultValue="obs" className={classes.howTo}>
        <Tabs.List aria-label="How to publish">
          <Tabs.Tab value="obs">OBS Studio</Tabs.Tab>
          <Tabs.Tab value="ffmpeg">FFmpeg</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="obs" pt="md">
          <Obs />
        </Tabs.Panel>
        <Tabs.Panel value="ffmpeg" pt="md">
          <Snippet text={ffmpegCommand(server, "YOUR_STREAM_KEY")} label="FFmpeg command" />
          <CopyButton text={ffmpegCommand(server, key)} what="Command with the key" />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}

function Obs() {
  return (
    <ol className={classes.steps}>
      <li>
        <b>Settings → Stream:</b> service “Custom…”, then the server and the key from here.
      </li>
      <li>
        <b>Settings → Output:</b> mode “Advanced”.
        <dl>
          <dt>Video encoder</dt>
          <dd>H.264 (x264 or hardware)</dd>
          <dt>Keyframe interval</dt>
          <dd>2 s</dd>
          <dt>Rate control</dt>
          <dd>CBR, 2,500 to 6,000 kb/s</dd>
          <dt>B-frames</dt>
          <dd>fine, up to 2</dd>
          <dt>Audio encoder</dt>
          <dd>AAC, 160 kb/s</dd>
        </dl>
      </li>
      <li>
        <b>Start Streaming.</b> The watch page starts by itself.
      </li>
    </ol>
  );
}
