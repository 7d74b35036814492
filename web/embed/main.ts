/** `/embed/stream/{pub_key}`: the player alone, for frames on other sites. */
import "../player/player.css";
import "./embed.css";
import { z } from "zod";
import { element, setText } from "../player/dom.ts";
import { mountPlayer } from "../player/player.ts";

// zod's compiled parsers need `eval`, which the content security policy refuses.
z.config({ jitless: true });

const KEY = /^\/embed\/stream\/(pub_[A-Za-z0-9_-]{1,64})\/?$/;

function start(host: HTMLElement): void {
  const streamKey = KEY.exec(location.pathname)?.[1];
  if (!streamKey) {
    host.append(element("p", { style: "padding: 24px" }, "This address names no stream."));
    return;
  }
  const player = mountPlayer(host, { streamKey, label: "live stream" });
  const title = element("span", {}, "Sluice");
  const head = element(
    "a",
    { class: "sl-head", href: `/watch/${streamKey}`, target: "_blank", rel: "noopener" },
    element("img", { src: "/favicon.svg", alt: "" }),
    title,
  );
  host.firstElementChild?.append(head);
  player.subscribe(({ info }) => {
    if (!info) return;
    setText(title, info.title);
    head.title = `Watch “${info.title}” on Sluice`;
    if (document.title !== info.title) document.title = info.title;
  });
}

const host = document.getElementById("player");
if (host) start(host);
