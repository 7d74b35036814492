/** Elements without a framework: the player is the same in the app and in the embed. */
export type Attributes = Record<string, string | boolean | ((event: Event) => void)>;

/** `on…` entries are listeners, `true` an empty attribute, `false` none. Text is always text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Writes text only when it changes, so that live regions do not repeat themselves. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
