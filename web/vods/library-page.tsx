import { Button, NativeSelect, Skeleton, Stack, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconFilterOff, IconMovie } from "@tabler/icons-react";
import { useEffect } from "react";
import { Link, useSearchParams } from "react-router";
import { VodStatus } from "#contract/vods";
import type { LibraryFilter } from "../api/vods.ts";
import { useOwnStreams } from "../streams/queries.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Notice } from "../ui/notice.tsx";
import { Pages } from "../ui/pages.tsx";
import classes from "./library-page.module.css";
import { useLibrary } from "./queries.ts";
import { VodRow } from "./vod-row.tsx";
import { STATUS_LABELS } from "./words.ts";

const PAGE = 20;

/** The filter and the page are in the address, so that a reload and the way back keep them. */
function useFilter() {
  const [query, setQuery] = useSearchParams();
  const stream = Number(query.get("stream"));
  const status = VodStatus.safeParse(query.get("status")).data;
  const page = Number(query.get("page"));
  const change = (name: "stream" | "status" | "page", value: string) =>
    setQuery((before) => {
      const after = new URLSearchParams(before);
      if (name !== "page") after.delete("page");
      if (value === "") after.delete(name);
      else after.set(name, value);
      return after;
    });
  const filter: LibraryFilter = {};
  if (Number.isSafeInteger(stream) && stream > 0) filter.stream_id = stream;
  if (status) filter.status = status;
  return { filter, page: Number.isSafeInteger(page) && page > 1 ? page : 1, change, clear: () => setQuery({}) };
}

export function LibraryPage() {
  useDocumentTitle("Library · Sluice");
  const { filter, page, change, clear } = useFilter();
  const library = useLibrary(filter, { limit: PAGE, offset: (page - 1) * PAGE });
  const streams = useOwnStreams();
  const titles = new Map((streams.data ?? []).map(({ id, title }) => [id, title]));
  const filtered = filter.stream_id !== undefined || filter.status !== undefined;
  const total = library.data?.total ?? 0;
  const pages = Math.max(1, Math.ceil(total / PAGE));
  useEffect(() => {
    // The last one of a page was deleted.
    if (library.data && !library.isPlaceholderData && page > pages) change("page", String(pages));
  });
  const nothing = library.data && total === 0;

  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <Title order={1}>Library</Title>
        {(filtered || !nothing) && (
          <div className={classes.filters}>
            <NativeSelect
              aria-label="Stream"
              size="md"
              value={filter.stream_id ?? ""}
              onChange={(event) => change("stream", event.currentTarget.value)}
              data={[
                { value: "", label: "All streams" },
                ...[...titles].map(([id, title]) => ({ value: String(id), label: title })),
              ]}
            />
            <NativeSelect
              aria-label="Status"
              size="md"
              value={filter.status ?? ""}
              onChange={(event) => change("status", event.currentTarget.value)}
              data={[
                { value: "", label: "Any status" },
                ...VodStatus.options.map((value) => ({ value, label: STATUS_LABELS[value] })),
              ]}
            />
          </div>
        )}
      </div>
      {library.data === undefined && library.error && (
        <FailureNotice failure={library.error} retry={() => void library.refetch()} />
      )}
      {library.data === undefined && !library.error && <Loading />}
      {nothing && (filtered ? <NothingFound clear={clear} /> : <Empty />)}
      {library.data && total > 0 && (
        <>
          <p className={classes.count} role="status">
            {total === 1 ? "1 recording" : `${total.toLocaleString()} recordings`}
          </p>
          <Stack component="ul" gap="sm" className={classes.list} aria-busy={library.isPlaceholderData}>
            {library.data.vods.map((vod) => (
              <VodRow
                key={vod.id}
                vod={vod}
                streamTitle={vod.stream_id === null ? null : (titles.get(vod.stream_id) ?? null)}
              />
            ))}
          </Stack>
          {pages > 1 && (
            <nav aria-label="Pages of the library" className={classes.pages}>
              <Pages value={page} total={pages} change={(to) => change("page", to === 1 ? "" : String(to))} />
            </nav>
          )}
        </>
      )}
    </div>
  );
}

function Empty() {
  return (
    <Notice icon={IconMovie} title="No recordings yet">
      Every broadcast leaves one here. Push to a stream of yours, stop, and a few seconds later it plays.
      <Button component={Link} to="/streams">
        How to publish
      </Button>
    </Notice>
  );
}

function NothingFound({ clear }: { clear(): void }) {
  return (
    <Notice icon={IconFilterOff} title="Nothing matches">
      No recording of yours has this stream and status.
      <Button variant="default" onClick={clear}>
        Show all
      </Button>
    </Notice>
  );
}

function Loading() {
  return (
    <Stack gap="sm" role="status" aria-label="Loading your recordings">
      {[0, 1, 2, 3].map((row) => (
        <Skeleton key={row} height={136} radius="lg" />
      ))}
    </Stack>
  );
}
