import {
  type ComponentProps,
  type ReactNode,
  type Ref,
  useEffect,
  useEffectEvent,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
} from "react";
import { flushSync } from "react-dom";
import { type Drawn, drawnAround, heightOf, indexAt, type Place } from "./virtual-list-place.ts";

/** So close to its beginning a list asks for more. */
const NEAR_BEGINNING_PX = 600;
const AT_END_PX = 2;
/** So many heights of rows that are gone may be kept. */
const FORGET_AFTER = 500;

export type VirtualListHandle = {
  toEnd(): void;
  /** Brings a row to the middle, or `nearest`: only as far as needed. */
  show(key: string, where: "middle" | "nearest"): void;
  /** Null: it is not drawn. */
  row(key: string): HTMLElement | null;
};

type Props = Omit<ComponentProps<"div">, "children" | "ref"> & {
  keys: readonly string[];
  row(index: number): ReactNode;
  /** The reader is at the end, or has left it. */
  atEnd(isAtEnd: boolean): void;
  /** Again and again while it is: whoever hears it knows whether there is more. */
  nearBeginning(): void;
  handle: Ref<VirtualListHandle>;
};

/**
 * A long list of which only what is near is drawn. It keeps its place by its rows: whatever comes, goes or grows, what
 * the reader looks at stays where it is; at the end the list stays at the end.
 */
export function VirtualList({ keys, row, atEnd, nearBeginning, handle, ...rest }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const place = useRef<Place>("end");
  /** Where it stood when it was put there last: only the reader moves it from there. */
  const top = useRef(0);
  const [, redraw] = useReducer((count: number) => count + 1, 0);

  const indexes = useMemo(() => new Map(keys.map((key, index) => [key, index])), [keys]);
  const known = { keys, indexes, heights: heights.current };
  const drawn = drawnAround(known, place.current, box.current?.clientHeight ?? 0);
  const last = useRef<Drawn>(drawn);

  const rowOf = (key: string) =>
    [...(body.current?.children ?? [])].find((child) => child instanceof HTMLElement && child.dataset.key === key);

  /** Measures what is drawn, and puts the list where it belongs. */
  const settle = () => {
    if (!box.current || !body.current || box.current.clientHeight === 0) return;
    let isNews = false;
    for (const child of body.current.children) {
      if (!(child instanceof HTMLElement) || child.dataset.key === undefined) continue;
      const { height } = child.getBoundingClientRect();
      if (Math.abs((heights.current.get(child.dataset.key) ?? 0) - height) < 0.5) continue;
      heights.current.set(child.dataset.key, height);
      isNews = true;
    }
    if (heights.current.size > 2 * keys.length + FORGET_AFTER) {
      for (const key of heights.current.keys()) if (!indexes.has(key)) heights.current.delete(key);
    }
    put();
    if (isNews) redraw();
    if (top.current < NEAR_BEGINNING_PX) nearBeginning();
  };

  const put = () => {
    if (!box.current) return;
    if (place.current === "end") box.current.scrollTop = box.current.scrollHeight;
    else {
      const edge = box.current.getBoundingClientRect().top;
      for (const [key, bottom] of place.current) {
        const found = rowOf(key);
        if (!found) continue;
        const moved = found.getBoundingClientRect().bottom - edge - bottom;
        if (Math.abs(moved) >= 1) box.current.scrollTop += moved;
        break;
      }
    }
    top.current = box.current.scrollTop;
  };

  /** What is seen now, or would be, were it drawn. */
  const lookAround = (): Place => {
    if (!box.current || !body.current) return "end";
    const { top: edge, height } = box.current.getBoundingClientRect();
    const seen: [string, number][] = [];
    for (const child of body.current.children) {
      const rect = child.getBoundingClientRect();
      if (!(child instanceof HTMLElement) || child.dataset.key === undefined) continue;
      if (rect.bottom > edge && rect.top < edge + height) seen.push([child.dataset.key, rect.bottom - edge]);
    }
    return seen.length > 0 ? seen : indexAt(known, box.current.scrollTop);
  };

  const moveTo = (next: Place) => {
    const wasAtEnd = place.current === "end";
    place.current = next;
    if (wasAtEnd !== (next === "end")) atEnd(next === "end");
  };

  const scrolled = () => {
    if (!box.current) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (scrollHeight - clientHeight - scrollTop < AT_END_PX) moveTo("end");
    // Growing does not lead away from the end, only the reader does.
    else if (place.current !== "end" || scrollTop < top.current - 1) moveTo(lookAround());
    top.current = scrollTop;
    if (scrollTop < NEAR_BEGINNING_PX) nearBeginning();
    const wanted = drawnAround(known, place.current, clientHeight);
    if (wanted.from < last.current.from || wanted.to > last.current.to) redraw();
  };

  const settleNow = useEffectEvent(settle);
  useLayoutEffect(() => {
    last.current = drawn;
    settleNow();
  });

  useEffect(() => {
    if (!box.current || !body.current) return;
    let width = box.current.clientWidth;
    const observer = new ResizeObserver(() => {
      // Lines break elsewhere now: what was measured counts no more.
      if (box.current && box.current.clientWidth !== width) heights.current.clear();
      width = box.current?.clientWidth ?? width;
      settleNow();
    });
    observer.observe(box.current);
    observer.observe(body.current);
    return () => observer.disconnect();
  }, []);

  useImperativeHandle(handle, () => ({
    toEnd() {
      moveTo("end");
      flushSync(redraw);
    },
    show(key, where) {
      if (!box.current) return;
      const { clientHeight } = box.current;
      const found = where === "nearest" ? rowOf(key) : undefined;
      const rect = found?.getBoundingClientRect();
      const edge = box.current.getBoundingClientRect().top;
      const height = rect?.height ?? heightOf(known, key);
      if (rect && rect.top >= edge && rect.bottom <= edge + clientHeight) return;
      const bottom = where === "middle" ? (clientHeight + height) / 2 : rect && rect.top < edge ? height : clientHeight;
      moveTo([[key, bottom]]);
      flushSync(redraw);
    },
    row(key) {
      const found = rowOf(key);
      return found instanceof HTMLElement ? found : null;
    },
  }));

  return (
    <div {...rest} ref={box} onScroll={scrolled} style={{ overflowAnchor: "none" }}>
      <div ref={body} style={{ paddingTop: drawn.above, paddingBottom: drawn.below }}>
        {keys.slice(drawn.from, drawn.to).map((key, offset) => (
          <div key={key} data-key={key}>
            {row(drawn.from + offset)}
          </div>
        ))}
      </div>
    </div>
  );
}
