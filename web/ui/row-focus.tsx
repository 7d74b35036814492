import { type ReactNode, useEffect, useRef } from "react";

/** Around a list whose rows can go away: the focus that was in one of them is then on its neighbour, or at the heading. */
export function RowFocus({ children }: { children: ReactNode }) {
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => (area.current ? keepFocus(area.current) : undefined), []);
  return <div ref={area}>{children}</div>;
}

function keepFocus(area: HTMLElement): () => void {
  // While a row asks in a dialog it is what opened that: dialogs are elsewhere in the document.
  let last: Node | null = null;
  const remember = (event: FocusEvent) => {
    last = event.target instanceof Node ? event.target : null;
  };
  const changes = new MutationObserver((records) => {
    if (!last || last.isConnected) return;
    const gone = last;
    last = null;
    if (!isLost(document.activeElement)) return;
    const record = records.find(({ removedNodes }) => [...removedNodes].some((node) => node.contains(gone)));
    const row = [record?.nextSibling, record?.previousSibling].find(isRow);
    focusOn(row ?? headingOf(area));
  });
  area.addEventListener("focusin", remember);
  changes.observe(area, { childList: true, subtree: true });
  return () => {
    area.removeEventListener("focusin", remember);
    changes.disconnect();
  };
}

/** Nobody has moved it elsewhere meanwhile: it is nowhere, or in the dialog that is about to go. */
const isLost = (at: Element | null): boolean =>
  at === null || at === document.body || at.closest("[role=dialog]") !== null;

const isRow = (node: Node | null | undefined): node is HTMLLIElement =>
  node instanceof HTMLLIElement && node.isConnected;

const headingOf = (area: HTMLElement): HTMLElement | null =>
  area.querySelector<HTMLElement>("h2, h3") ??
  area.closest("section, main")?.querySelector<HTMLElement>("h1, h2") ??
  null;

/** Not on a button in it: an Enter that is still held down would press that. */
function focusOn(element: HTMLElement | null): void {
  if (!element) return;
  element.tabIndex = -1;
  element.focus();
}
