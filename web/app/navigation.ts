/** The app's main places, in the rail on wide screens and along the lower edge on phones. */
import { IconBroadcast, IconLayoutGrid, IconMessages, IconMovie, type TablerIcon } from "@tabler/icons-react";

export type Place = { to: string; label: string; icon: TablerIcon };

export const PLACES: readonly Place[] = [
  { to: "/", label: "Watch", icon: IconLayoutGrid },
  { to: "/streams", label: "My streams", icon: IconBroadcast },
  { to: "/chat", label: "Chat", icon: IconMessages },
  { to: "/library", label: "Library", icon: IconMovie },
];
