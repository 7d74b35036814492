import classes from "./snippet.module.css";

/** Text to take along: wraps, scrolls by keyboard when it must, and is never markup. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what may scroll must be reachable by keyboard
    <section aria-label={label} tabIndex={0} className={classes.frame}>
      <pre className={classes.snippet}>{text}</pre>
    </section>
  );
}
