/** `/embed/vod/{public_id}`: the player of one recording alone, for frames on other sites. */
import "../player/player.css";
import "../player/vod/vod.css";
import "./embed.css";
import { z } from "zod";
import { asFailure } from "../api/failure.ts";
import { loadVod, type PublicVod } from "../api/vods.ts";
import { messageScreen, type Words } from "../player/covers.ts";
import { element } from "../player/dom.ts";
import { mountVodPlayer } from "../player/vod/player.ts";
import { pendingWords } from "../vods/words.ts";

// zod's compiled parsers need `eval`, which the content security policy refuses.
z.config({ jitless: true });

const ID = /^\/embed\/vod\/(vod_[A-Za-z0-9_-]{1,64})\/?$/;
/** A recording that is not ready yet is asked for again. */
const POLL_MS = 3_000;

const GONE: Words = { title: "This recording cannot be shown", text: "It is private, or it does not exist any more." };
const AWAY: Words = { title: "The server does not answer", text: "Trying again." };

function start(host: HTMLElement): void {
  const id = ID.exec(location.pathname)?.[1];
  const root = element("div", { class: "sl-player sl-vod", "data-state": "loading" });
  const screen = messageScreen(() => void load());
  root.append(screen.node);
  host.append(root);
  const say = (said: Words | null, state: "waiting" | "error") => {
    root.dataset.state = state;
    screen.update({ said, again: state === "error" && said !== GONE });
  };
  screen.update({ said: null, again: false });

  const load = async () => {
    if (!id) return say(GONE, "error");
    try {
      const vod = await loadVod(id);
      name(vod);
      const { playback_url } = vod;
      if (playback_url !== null) return play(host, { ...vod, playback_url });
      say(pendingWords(vod), vod.status === "failed" ? "error" : "waiting");
      if (vod.status === "failed") return;
    } catch (error) {
      const { status } = asFailure(error);
      if (status > 0 && status < 500) return say(GONE, "error");
      say(AWAY, "error");
    }
    setTimeout(() => void load(), POLL_MS);
  };
  void load();
}

function name({ title }: PublicVod): void {
  document.title = title;
}

function play(host: HTMLElement, vod: PublicVod & { playback_url: string }): void {
  const autoplay = new URLSearchParams(location.search).get("autoplay") === "1";
  mountVodPlayer(host, { vod, at: null, autoplay, renew: async () => (await loadVod(vod.public_id)).playback_url });
  const head = element(
    "a",
    {
      class: "sl-head",
      href: `/vod/${vod.public_id}`,
      target: "_blank",
      rel: "noopener",
      title: `Watch “${vod.title}” on Sluice`,
    },
    element("img", { src: "/favicon.svg", alt: "" }),
    element("span", {}, vod.title),
  );
  host.firstElementChild?.append(head);
}

const host = document.getElementById("player");
if (host) start(host);
