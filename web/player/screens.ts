/** What covers the picture when there is none to show: loading, waiting, ended, errors, sound alone. */
import { bigPlay, messageScreen, soundOnly, spinner, type Words } from "./covers.ts";
import { element, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Part } from "./part.ts";
import type { PlayerState, Problem } from "./state.ts";

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

export function createScreens(actions: { retry(): void; unmute(): void; play(): void }): Part<PlayerState>[] {
  return [message(actions.retry), spinner(), soundOnly(), bigPlay(actions.play), unmute(actions.unmute), announcer()];
}

function message(retry: () => void): Part<PlayerState> {
  const screen = messageScreen(retry);
  return {
    node: screen.node,
    update: (state) =>
      screen.update({ said: words(state), again: state.phase === "error" && state.problem !== "unsupported" }),
  };
}

function unmute(onclick: () => void): Part<PlayerState> {
  const node = element("button", { class: "sl-unmute", type: "button", onclick }, icon("mute"), "Turn on sound");
  return {
    node,
    update({ phase, mutedByBrowser, blocked }) {
      node.hidden = !mutedByBrowser || blocked || (phase !== "playing" && phase !== "buffering");
    },
  };
}

/** Says changes to those who do not see them. */
function announcer(): Part<PlayerState> {
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
