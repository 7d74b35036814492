import { Title } from "@mantine/core";
import type { PublicVod } from "../api/vods.ts";
import { clock } from "../player/vod/clock.ts";
import { gapWords } from "../player/vod/gaps.ts";
import classes from "./timeline.module.css";
import { picture, size } from "./words.ts";

type Props = { vod: Pick<PublicVod, "gaps" | "parts"> };

/** What is missing, and of which parts the recording is made; nothing when it is one whole. */
export function Timeline({ vod: { gaps, parts } }: Props) {
  if (gaps.length === 0 && parts.length < 2) return null;
  return (
    <div className={classes.timeline}>
      {gaps.length > 0 && (
        <section>
          <Title order={2} className={classes.heading}>
            What is missing
          </Title>
          <ul>
            {gaps.map((gap) => (
              <li key={gap.at}>
                <Moment at={gap.at} />
                <span>{gapWords(gap)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {parts.length > 1 && (
        <section>
          <Title order={2} className={classes.heading}>
            Parts
          </Title>
          <ul>
            {parts.map((part, index) => (
              <li key={part.n}>
                <Moment at={parts.slice(0, index).reduce((sum, { duration }) => sum + duration, 0)} />
                <span>
                  {clock(part.duration)} · {picture(part)} · {size(part.size)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** A place in the recording; the player follows the address. */
const Moment = ({ at }: { at: number }) => (
  <a href={`#t=${Math.floor(at)}`} className={classes.moment}>
    {clock(at)}
  </a>
);
