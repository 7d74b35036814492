const FORMAT: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "short" };

type Props = {
  /** ISO 8601. */
  at: string;
};

/** A moment as the reader writes it. */
export function When({ at }: Props) {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toString()}>
      {date.toLocaleString(undefined, FORMAT)}
    </time>
  );
}

/** Its day alone. */
export function DateOnly({ at }: Props) {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toString()}>
      {date.toLocaleDateString(undefined, { dateStyle: "medium" })}
    </time>
  );
}
