/** What floats above the seek bar under the pointer: the picture there, the time, and what is missing. */
import type { Gap, Storyboard } from "#contract/vods";
import { element, setText } from "../dom.ts";
import { clock } from "./clock.ts";
import { gapWords } from "./gaps.ts";
import { tileAt } from "./timeline.ts";

const PLAIN_PX = 64;
const WITH_WORDS_PX = 180;

export type Preview = {
  node: HTMLElement;
  /** `share`: of the bar's width. Without a storyboard there is no picture. */
  show(at: { share: number; time: number }, storyboard: Storyboard | null, gap: Gap | null): void;
  hide(): void;
};

export function createPreview(): Preview {
  const tile = element("div", { class: "sl-tile" });
  const words = element("span", { class: "sl-missing" });
  const clockFace = element("span", { class: "sl-at" });
  const node = element("div", { class: "sl-preview", "aria-hidden": "true", hidden: true }, tile, words, clockFace);
  return {
    node,
    show({ share, time }, storyboard, gap) {
      tile.hidden = storyboard === null;
      if (storyboard) {
        const { x, y } = tileAt(storyboard, time);
        tile.style.width = `${storyboard.tile_width}px`;
        tile.style.height = `${storyboard.tile_height}px`;
        // The picture is asked for when somebody first looks for it.
        tile.style.backgroundImage ||= `url(${JSON.stringify(storyboard.url)})`;
        tile.style.backgroundPosition = `${-x}px ${-y}px`;
      }
      const width = Math.max(storyboard?.tile_width ?? PLAIN_PX, gap ? WITH_WORDS_PX : 0);
      node.style.setProperty("--width", `${width}px`);
      node.style.setProperty("--share", String(share));
      words.hidden = gap === null;
      if (gap) setText(words, gapWords(gap));
      setText(clockFace, clock(time));
      node.hidden = false;
    },
    hide() {
      node.hidden = true;
    },
  };
}
