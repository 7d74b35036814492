/** What covers the picture in both players: waiting for video, sound alone, the big button. */
import { element, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Part } from "./part.ts";
import type { ElementState } from "./state.ts";

export type Words = { title: string; text: string };

type Playing = { phase: string };
const runs = ({ phase }: Playing) => phase === "playing" || phase === "buffering";

export function spinner(): Part<Playing & Pick<ElementState, "blocked">> {
  const note = element("span", {}, "Waiting for more video …");
  const node = element("div", { class: "sl-spinner", "aria-hidden": "true" }, note);
  return {
    node,
    update({ phase, blocked }) {
      node.hidden = blocked || (phase !== "loading" && phase !== "buffering");
      note.hidden = phase !== "buffering";
    },
  };
}

/** Something to look at while there is only something to hear. */
export function soundOnly(): Part<Playing & Pick<ElementState, "audioOnly">> {
  const bars = Array.from({ length: 5 }, () => element("i"));
  const node = element(
    "div",
    { class: "sl-audio", "aria-hidden": "true" },
    element("div", {}, ...bars),
    element("p", {}, "Audio only"),
  );
  return {
    node,
    update(state) {
      node.hidden = !state.audioOnly || !runs(state);
    },
  };
}

/** The button in the middle, while what could play does not. */
export function bigPlay(play: () => void): Part<Playing & Pick<ElementState, "paused" | "blocked">> {
  const node = element(
    "button",
    { class: "sl-big", type: "button", "aria-label": "Play", onclick: play },
    icon("play"),
  );
  return {
    node,
    update(state) {
      node.hidden = !(state.blocked || (state.paused && runs(state)));
    },
  };
}

/** A screen of words over the whole picture. `again`: offers another try. */
export function messageScreen(retry: () => void): Part<{ said: Words | null; again: boolean }> {
  const title = element("p", { class: "sl-title" });
  const text = element("p", { class: "sl-text" });
  const button = element("button", { class: "sl-again", type: "button", onclick: retry }, "Try again");
  const flow = element("div", { class: "sl-flow", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
  const node = element("div", { class: "sl-screen" }, flow, title, text, button);
  return {
    node,
    update({ said, again }) {
      node.hidden = said === null;
      button.hidden = !again;
      if (!said) return;
      setText(title, said.title);
      setText(text, said.text);
    },
  };
}
