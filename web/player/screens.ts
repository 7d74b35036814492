/** What covers the picture when there is none to show: loading, waiting, ended, errors, sound alone. */
import type { Part } from "./controls.ts";
import { element, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { PlayerState, Problem } from "./state.ts";

type Words = { title: string; text: string };

const PROBLEMS: Record<Problem, Words> = {
  refused: { title: "This stream cannot be shown", text: "It is private, or it does not exist any more." },
  unreachable: { title: "The server does not answer", text: "Trying again. Playback goes on by itself." },
  unsupported: {
    title: "This browser cannot play live video",
    text: "Please try a current version of another browser.",
  },
  media: { title: "The video cannot be played", text: "The browser gave up on it several times." },
};

const WAITING: Words = { title: "Waiting for the publisher", text: "The stream starts here by itself." };
const ENDED: Words = { title: "The stream has ended", text: "If the publisher returns, it starts here by itself." };

/** Null: nothing covers the picture. */
export function words({ phase, problem }: Pick<PlayerState, "phase" | "problem">): Words | null {
  switch (phase) {
    case "waiting":
      return WAITING;
    case "ended":
      return ENDED;
    case "error":
      return PROBLEMS[problem ?? "media"];
    case "loading":
    case "playing":
    case "buffering":
      return null;
  }
}

export function createScreens(actions: { retry(): void; unmute(): void; play(): void }): Part[] {
  return [message(actions.retry), spinner(), sound(), bigPlay(actions.play), unmute(actions.unmute), announcer()];
}

function message(retry: () => void): Part {
  const title = element("p", { class: "sl-title" });
  const text = element("p", { class: "sl-text" });
  const again = element("button", { class: "sl-again", type: "button", onclick: retry }, "Try again");
  const flow = element("div", { class: "sl-flow", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
  const node = element("div", { class: "sl-screen" }, flow, title, text, again);
  return {
    node,
    update(state) {
      const said = words(state);
      node.hidden = said === null;
      again.hidden = state.phase !== "error" || state.problem === "unsupported";
      if (!said) return;
      setText(title, said.title);
      setText(text, said.text);
    },
  };
}

function spinner(): Part {
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
function sound(): Part {
  const bars = Array.from({ length: 5 }, () => element("i"));
  const node = element(
    "div",
    { class: "sl-audio", "aria-hidden": "true" },
    element("div", {}, ...bars),
    element("p", {}, "Audio only"),
  );
  return {
    node,
    update({ phase, audioOnly }) {
      node.hidden = !audioOnly || (phase !== "playing" && phase !== "buffering");
    },
  };
}

function bigPlay(play: () => void): Part {
  const node = element(
    "button",
    { class: "sl-big", type: "button", "aria-label": "Play", onclick: play },
    icon("play"),
  );
  return {
    node,
    update({ phase, paused, blocked }) {
      node.hidden = !(blocked || (paused && (phase === "playing" || phase === "buffering")));
    },
  };
}

function unmute(onclick: () => void): Part {
  const node = element("button", { class: "sl-unmute", type: "button", onclick }, icon("mute"), "Turn on sound");
  return {
    node,
    update({ phase, mutedByBrowser, blocked }) {
      node.hidden = !mutedByBrowser || blocked || (phase !== "playing" && phase !== "buffering");
    },
  };
}

/** Says changes to those who do not see them. */
function announcer(): Part {
  const node = element("div", { class: "sl-said", role: "status" });
  return {
    node,
    update(state) {
      const said = words(state);
      if (said) setText(node, `${said.title}. ${said.text}`);
      else if (state.phase === "playing") setText(node, state.live ? "Playing live" : "Playing");
      else if (state.phase === "buffering") setText(node, "Buffering");
    },
  };
}
