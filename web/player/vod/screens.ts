/** What covers the picture of a recording: loading, errors, the big button, where one left off. */
import { bigPlay, messageScreen, soundOnly, spinner, type Words } from "../covers.ts";
import { element, setText } from "../dom.ts";
import { icon } from "../icons.ts";
import type { Part } from "../part.ts";
import { clock, spoken } from "./clock.ts";
import type { VodProblem, VodState } from "./state.ts";

const PROBLEMS: Record<VodProblem, Words> = {
  gone: { title: "This recording cannot be shown", text: "It was deleted or made private." },
  unreachable: { title: "The recording does not load", text: "Trying again. Playback goes on by itself." },
  unsupported: {
    title: "This browser cannot play the recording",
    text: "Please try a current version of another browser.",
  },
  media: { title: "The recording cannot be played", text: "The browser gave up on it several times." },
};

const RESUMED_MS = 8_000;

/** Null: nothing covers the picture. */
export const vodWords = ({ phase, problem }: Pick<VodState, "phase" | "problem">): Words | null =>
  phase === "error" ? PROBLEMS[problem ?? "media"] : null;

type Actions = { retry(): void; play(): void; startOver(): void; forgetResumed(): void };

export function createVodScreens(actions: Actions): Part<VodState>[] {
  return [
    message(actions.retry),
    spinner(),
    soundOnly(),
    begin(actions.play),
    resumed(actions.startOver, actions.forgetResumed),
    announcer(),
  ];
}

function message(retry: () => void): Part<VodState> {
  const screen = messageScreen(retry);
  return {
    node: screen.node,
    update: (state) => screen.update({ said: vodWords(state), again: state.problem !== "unsupported" }),
  };
}

function begin(play: () => void): Part<VodState> {
  const big = bigPlay(play);
  return {
    node: big.node,
    update(state) {
      const over = state.phase === "ended";
      big.update({ ...state, phase: over || state.phase === "poster" ? "playing" : state.phase });
      const name = over ? "Play again" : "Play";
      if (big.node.getAttribute("aria-label") === name) return;
      big.node.setAttribute("aria-label", name);
      big.node.replaceChildren(icon(over ? "again" : "play"));
    },
  };
}

function resumed(startOver: () => void, forget: () => void): Part<VodState> {
  const from = element("span");
  const node = element("button", { class: "sl-resumed", type: "button", onclick: startOver }, icon("again"), from);
  let told = false;
  return {
    node,
    update({ resumedAt, phase }) {
      node.hidden = resumedAt === null || phase !== "playing";
      if (node.hidden || resumedAt === null) return;
      setText(from, `From ${clock(resumedAt)} · start over`);
      node.setAttribute("aria-label", `Playing from ${spoken(resumedAt)}, where you left off. Start over`);
      if (!told) setTimeout(forget, RESUMED_MS);
      told = true;
    },
  };
}

/** Says changes to those who do not see them. */
function announcer(): Part<VodState> {
  const node = element("div", { class: "sl-said", role: "status" });
  return {
    node,
    update(state) {
      const said = vodWords(state);
      if (said) setText(node, `${said.title}. ${said.text}`);
      else if (state.phase === "playing") setText(node, state.paused ? "Paused" : "Playing");
      else if (state.phase === "buffering") setText(node, "Buffering");
      else if (state.phase === "ended") setText(node, "The recording is over");
    },
  };
}
