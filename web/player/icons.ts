/** The player's own icons, 24 × 24, drawn with strokes or fills of the current colour. */
const SVG = "http://www.w3.org/2000/svg";

const FILLED = {
  play: "M8 5.3c0-.8.9-1.3 1.6-.9l10 6.700c.6.4.6 1.3 0 1.700l-10 6.700c-.7.5-1.6 0-1.6-.8z",
  pause:
    "M7 4.500h2.500a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1zm7.5 0H17a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1h-2.500a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1z",
} as const;

const STROKED = {
  loud: "M4 9.500v5h3.500L12 18.500v-13L7.5 9.500zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.500a7.8 7.8 0 0 1 0 11",
  quiet: "M4 9.500v5h3.500L12 18.500v-13L7.5 9.500zM15.5 9a4.2 4.2 0 0 1 0 6",
  mute: "M4 9.500v5h3.500L12 18.500v-13L7.5 9.500zM16 9.500l5 5M21 9.500l-5 5",
  enter: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4",
  leave: "M9 4v4a1 1 0 0 1-1 1H4M20 9h-4a1 1 0 0 1-1-1V4M15 20v-4a1 1 0 0 1 1-1h4M4 15h4a1 1 0 0 1 1 1v4",
  pip: "M4 6a1 1 0 0 1 1-1h14a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM12.5 12.500h5v4h-5z",
  quality: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.800v4.400M9 14.800v4.4",
  again: "M5 12a7 7 0 1 0 2.200-5.1M5 4.500v4h4",
  speed: "M4.200 16.500a8.500 8.500 0 1 1 15.6 0M12 14.500l4-4.500",
  check: "M5 12.500l4.5 4.500L19 7.5",
  viewers: "M3 12c2.2-4 5.3-6 9-6s6.8 2 9 6c-2.2 4-5.3 6-9 6s-6.8-2-9-6zM12 9.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
} as const;

export type IconName = keyof typeof FILLED | keyof typeof STROKED;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  if (name in FILLED) {
    path.setAttribute("fill", "currentColor");
    path.setAttribute("d", FILLED[name as keyof typeof FILLED]);
  } else {
    path.setAttribute("fill", "none");
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-width", "1.8");
    path.setAttribute("stroke-linecap", "round");
    path.setAttribute("stroke-linejoin", "round");
    path.setAttribute("d", STROKED[name as keyof typeof STROKED]);
  }
  svg.append(path);
  return svg;
}
