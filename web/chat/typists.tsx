import type { Channel } from "./channel.ts";
import classes from "./composer.module.css";
import { useStore } from "./use-channel.ts";
import { pauseWords, typingWords } from "./words.ts";

type Props = { channel: Channel; slowmodeSeconds: number };

/** Above the field: who is typing, not told to screen readers, for it would not stop; and how slow the channel is. */
export function Typists({ channel, slowmodeSeconds }: Props) {
  const typists = useStore(channel.store, ({ view }) => view.typists);
  return (
    <div className={classes.above}>
      <span className={classes.typing} aria-hidden="true">
        {typists.length > 0 && (
          <>
            <span className={classes.dots}>
              <i />
              <i />
              <i />
            </span>
            <bdi>{typingWords(typists.map(({ name }) => name))}</bdi>
          </>
        )}
      </span>
      {slowmodeSeconds > 0 && <span>Slow mode: {pauseWords(slowmodeSeconds)}</span>}
    </div>
  );
}
