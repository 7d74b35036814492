const FORMAT: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "short" };

/** A moment (ISO 8601) as the reader writes it. */
export function When({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toString()}>
      {date.toLocaleString(undefined, FORMAT)}
    </time>
  );
}
