/** Buttons that show an icon, in both players. */
import { element } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";

export function iconButton(label: string, onclick: () => void, name: IconName = "play"): HTMLButtonElement {
  const button = element("button", { class: "sl-button", type: "button", onclick });
  show(button, name, label);
  return button;
}

/** Changes what a button shows and is called. */
export function show(button: HTMLButtonElement, name: IconName, label: string): void {
  if (button.dataset.icon !== name) button.replaceChildren(icon(name));
  button.dataset.icon = name;
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** Follows the whole screen, whoever asked for it. */
export function fullscreenButton(onclick: () => void, signal: AbortSignal): HTMLButtonElement {
  const button = iconButton("Full screen (f)", onclick, "enter");
  const follow = () => {
    const inside = document.fullscreenElement?.contains(button) ?? false;
    show(button, inside ? "leave" : "enter", inside ? "Leave full screen (f)" : "Full screen (f)");
  };
  document.addEventListener("fullscreenchange", follow, { signal });
  return button;
}
