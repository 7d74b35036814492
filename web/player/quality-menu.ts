/** The menu that chooses a rendition: `Auto` and what the master playlist offers, best first. */
import type { Part } from "./controls.ts";
import { element, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { PlayerState } from "./state.ts";

export function createQualityMenu(choose: (index: number) => void): Part {
  const current = element("span", {}, "Auto");
  const button = element(
    "button",
    { class: "sl-button sl-quality", type: "button", "aria-haspopup": "menu", "aria-expanded": "false" },
    icon("quality"),
    current,
  );
  const menu = element("div", { class: "sl-menu", role: "menu", "aria-label": "Quality", hidden: true });
  const node = element("div", { class: "sl-menu-anchor" }, button, menu);
  let shown = "";

  const items = () => [...menu.querySelectorAll<HTMLButtonElement>("button")];
  const open = (focus: boolean) => {
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    const chosen = items().find((item) => item.getAttribute("aria-checked") === "true") ?? items()[0];
    if (focus) chosen?.focus();
  };
  const close = (focus: boolean) => {
    if (menu.hidden) return;
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (focus) button.focus();
  };

  button.addEventListener("click", () => (menu.hidden ? open(true) : close(true)));
  node.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && node.contains(event.relatedTarget))) close(false);
  });
  menu.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const step: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const next = step[event.key];
    if (next !== undefined) all.at(next % all.length)?.focus();
    else if (event.key === "Escape") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    node,
    update({ qualities, quality }: PlayerState) {
      node.hidden = qualities.length === 0;
      const all = [{ index: -1, label: "Auto" }, ...qualities];
      const chosen = all.find(({ index }) => index === quality)?.label ?? "Auto";
      setText(current, chosen);
      button.setAttribute("aria-label", `Quality: ${chosen}`);
      button.title = "Quality";
      const wanted = JSON.stringify([all, quality]);
      if (wanted === shown) return;
      shown = wanted;
      menu.replaceChildren(
        ...all.map(({ index, label }) =>
          element(
            "button",
            {
              type: "button",
              role: "menuitemradio",
              "aria-checked": String(index === quality),
              tabindex: "-1",
              onclick: () => {
                // First, because choosing draws the items anew and takes the focus with them.
                close(true);
                choose(index);
              },
            },
            icon("check"),
            label,
          ),
        ),
      );
    },
  };
}
