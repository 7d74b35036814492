/** Where one is in a recording, what is loaded, what is missing; moved by pointer, touch and keys. */
import type { Gap } from "#contract/vods";
import { element, setText } from "../dom.ts";
import type { Part } from "../part.ts";
import { spoken } from "./clock.ts";
import { gapList } from "./gaps.ts";
import { createPreview } from "./preview.ts";
import type { VodState } from "./state.ts";
import { clamp, gapNear, shareOf, timeAt } from "./timeline.ts";

const STEP_S = 5;
const PAGE_S = 60;
/** A gap this near to the pointer is meant. */
const GAP_REACH_PX = 7;
/** While the bar has the focus, playing on is not said aloud; a jump is. */
const JUMP_S = 2;

/** Several players may be on one page; `crypto.randomUUID` is missing on plain HTTP. */
let made = 0;

export function createSeekBar(seekTo: (seconds: number) => void): Part<VodState> {
  const preview = createPreview();
  const loaded = element("div", { class: "sl-loaded" });
  const marks = element("div", { class: "sl-gaps" });
  made += 1;
  const described = element("span", { class: "sl-said", id: `sl-gaps-${made}` });
  const bar = element(
    "div",
    {
      class: "sl-seek",
      role: "slider",
      tabindex: "0",
      "aria-label": "Seek",
      "aria-valuemin": "0",
      "aria-describedby": described.id,
    },
    element("div", { class: "sl-track" }, loaded, element("div", { class: "sl-played" }), marks),
    element("div", { class: "sl-thumb" }),
  );
  const node = element("div", { class: "sl-seek-row" }, preview.node, bar, described);
  let state: VodState | undefined;
  /** Where a drag is now; the recording follows when it ends. */
  let dragged: number | null = null;
  let said = Number.NaN;

  const place = (time: number) => bar.style.setProperty("--share", String(shareOf(time, state?.duration ?? 0)));
  const say = (time: number, duration: number) => {
    said = time;
    bar.setAttribute("aria-valuemax", String(Math.round(duration)));
    bar.setAttribute("aria-valuenow", String(Math.round(time)));
    bar.setAttribute("aria-valuetext", `${spoken(time)} of ${spoken(duration)}`);
  };
  const look = (event: PointerEvent): number => {
    const { left, width } = bar.getBoundingClientRect();
    const { duration, gaps, storyboard } = state ?? { duration: 0, gaps: [], storyboard: null };
    const time = timeAt(event.clientX, { left, width }, duration);
    const gap = gapNear(gaps, time, (GAP_REACH_PX / Math.max(1, width)) * duration);
    preview.show({ share: shareOf(time, duration), time }, storyboard, gap);
    return time;
  };
  const stopDragging = () => {
    dragged = null;
    delete bar.dataset.dragging;
    preview.hide();
    if (state) place(state.time);
  };

  const on = <K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void) =>
    bar.addEventListener(type, listener);
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    bar.setPointerCapture(event.pointerId);
    bar.dataset.dragging = "true";
    dragged = look(event);
    place(dragged);
  });
  on("pointermove", (event) => {
    const time = look(event);
    if (dragged === null) return;
    dragged = time;
    place(time);
  });
  on("pointerup", () => {
    const to = dragged;
    stopDragging();
    if (to !== null) seekTo(to);
  });
  on("pointercancel", stopDragging);
  on("pointerleave", () => dragged === null && preview.hide());
  on("focus", () => state && say(state.time, state.duration));
  on("keydown", (event) => {
    if (!state || event.altKey || event.ctrlKey || event.metaKey) return;
    const { time, duration } = state;
    const steps: Record<string, number> = {
      ArrowRight: time + STEP_S,
      ArrowUp: time + STEP_S,
      ArrowLeft: time - STEP_S,
      ArrowDown: time - STEP_S,
      PageUp: time + PAGE_S,
      PageDown: time - PAGE_S,
      Home: 0,
      End: duration,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    seekTo(clamp(to, 0, duration));
  });

  return {
    node,
    update(next) {
      const moved = state?.duration !== next.duration;
      const marked = moved || state?.gaps !== next.gaps;
      state = next;
      const { time, duration, buffered } = next;
      if (dragged === null) place(time);
      const jumped = !(Math.abs(time - said) < JUMP_S);
      if (moved || (document.activeElement === bar ? jumped : Math.round(time) !== Math.round(said)))
        say(time, duration);
      loaded.style.background = loadedBands(buffered, duration);
      if (marked) {
        marks.replaceChildren(...next.gaps.map((gap) => mark(gap, duration)));
        setText(described, gapList(next.gaps));
      }
    },
  };
}

function mark({ at }: Gap, duration: number): HTMLElement {
  const node = element("i", { class: "sl-gap" });
  node.style.left = `${shareOf(at, duration) * 100}%`;
  return node;
}

/** One background for all that is loaded: a band for each range. */
function loadedBands(buffered: VodState["buffered"], duration: number): string {
  const stops = buffered.flatMap(([from, to]) => {
    const [begin, end] = [shareOf(from, duration) * 100, shareOf(to, duration) * 100];
    return [`transparent ${begin}%`, `var(--loaded) ${begin}%`, `var(--loaded) ${end}%`, `transparent ${end}%`];
  });
  return stops.length === 0 ? "none" : `linear-gradient(to right, ${stops.join(", ")})`;
}
