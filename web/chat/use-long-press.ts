import { type PointerEvent, type SyntheticEvent, useRef } from "react";
import { keepFocus } from "./keep-focus.ts";

const PRESS_MS = 450;
const MOVED_PX = 10;

/** Handlers for an element in which a finger may rest on something; the mouse has other ways. */
export function useLongPress(pressed: (target: EventTarget) => void) {
  const start = useRef({ x: 0, y: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isPressed = useRef(false);
  const end = () => clearTimeout(timer.current);
  /** The browser's own end of it, a click on what is under the finger by then or a menu, is not wanted any more. */
  const swallow = (event: SyntheticEvent) => {
    if (isPressed.current) event.preventDefault();
  };
  return {
    onPointerDown(event: PointerEvent) {
      const { pointerType, target, clientX, clientY } = event;
      end();
      isPressed.current = false;
      if (pointerType !== "touch") return;
      if (target instanceof Element && target.closest("button, a")) keepFocus(event);
      start.current = { x: clientX, y: clientY };
      timer.current = setTimeout(() => {
        isPressed.current = true;
        pressed(target);
      }, PRESS_MS);
    },
    onPointerMoveCapture({ clientX, clientY }: PointerEvent) {
      const { x, y } = start.current;
      if (Math.hypot(clientX - x, clientY - y) > MOVED_PX) end();
    },
    onPointerUp: end,
    // The list is scrolled instead.
    onPointerCancel: end,
    onTouchEnd: swallow,
    onContextMenu: swallow,
  };
}
