import { Fragment, memo } from "react";
import { partsOf } from "./links.ts";

/** What somebody wrote, with its links. Never markup. */
export const LinkedText = memo(function LinkedText({ text, tabIndex }: { text: string; tabIndex: number }) {
  return partsOf(text).map(({ at, text: words, href }) =>
    href === null ? (
      <Fragment key={at}>{words}</Fragment>
    ) : (
      <a key={at} href={href} tabIndex={tabIndex} target="_blank" rel="noopener noreferrer nofollow ugc">
        {words}
      </a>
    ),
  );
});
