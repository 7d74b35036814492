/** A button that opens a menu of which one entry is chosen: renditions, speeds. */
import { element, setText } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Part } from "./part.ts";

export type Choice = { value: number; label: string };
export type Choices = { all: readonly Choice[]; chosen: number };

type Options = {
  /** What is chosen, in one word: "Quality". */
  name: string;
  icon: IconName;
  choose(value: number): void;
};

/** Hidden while there is nothing to choose from. */
export function createChoiceMenu({ name, icon: iconName, choose }: Options): Part<Choices> {
  const current = element("span");
  const button = element(
    "button",
    { class: "sl-button sl-quality", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", title: name },
    icon(iconName),
    current,
  );
  const menu = element("div", { class: "sl-menu", role: "menu", "aria-label": name, hidden: true });
  const node = element("div", { class: "sl-menu-anchor" }, button, menu);
  let shown = "";

  const items = () => [...menu.querySelectorAll<HTMLButtonElement>("button")];
  const open = () => {
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    const chosen = items().find((item) => item.getAttribute("aria-checked") === "true") ?? items()[0];
    chosen?.focus();
  };
  const close = (focus: boolean) => {
    if (menu.hidden) return;
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (focus) button.focus();
  };

  button.addEventListener("click", () => (menu.hidden ? open() : close(true)));
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
    update({ all, chosen }) {
      node.hidden = all.length === 0;
      const label = all.find(({ value }) => value === chosen)?.label ?? "";
      setText(current, label);
      button.setAttribute("aria-label", `${name}: ${label}`);
      const wanted = JSON.stringify([all, chosen]);
      if (wanted === shown) return;
      shown = wanted;
      menu.replaceChildren(
        ...all.map(({ value, label }) =>
          element(
            "button",
            {
              type: "button",
              role: "menuitemradio",
              "aria-checked": String(value === chosen),
              tabindex: "-1",
              onclick: () => {
                // First, because choosing draws the items anew and takes the focus with them.
                close(true);
                choose(value);
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
