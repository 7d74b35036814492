import type { PointerEvent } from "react";

/** While one writes on a phone: the field keeps the focus and the phone its keyboard, else all moves from under the finger. */
export const keepFocus = (event: PointerEvent) => event.preventDefault();
