/** The menu that chooses a rendition: `Auto` and what the master playlist offers, best first. */
import { createChoiceMenu } from "./choice-menu.ts";
import type { Part } from "./part.ts";
import type { ElementState } from "./state.ts";

export function createQualityMenu(choose: (index: number) => void): Part<Pick<ElementState, "qualities" | "quality">> {
  const menu = createChoiceMenu({ name: "Quality", icon: "quality", choose });
  return {
    node: menu.node,
    update({ qualities, quality }) {
      const offered = qualities.map(({ index, label }) => ({ value: index, label }));
      menu.update({ all: offered.length === 0 ? [] : [{ value: -1, label: "Auto" }, ...offered], chosen: quality });
    },
  };
}
