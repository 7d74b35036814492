import classes from "./composer.module.css";
import type { Typist } from "./room.ts";
import { pauseWords, typingWords } from "./words.ts";

type Props = { typists: readonly Typist[]; slowmodeSeconds: number };

/** Above the field: who is typing, not told to screen readers, for it would not stop; and how slow the channel is. */
export function Typists({ typists, slowmodeSeconds }: Props) {
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
