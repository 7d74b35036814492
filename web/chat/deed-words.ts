import {
  IconCopy,
  IconCornerUpLeft,
  IconMoodPlus,
  IconPencil,
  IconPin,
  IconPinnedOff,
  IconTrash,
  type TablerIcon,
} from "@tabler/icons-react";
import type { Deed } from "./deeds.ts";

export const DEEDS: Record<Deed, { label: string; icon: TablerIcon }> = {
  reply: { label: "Reply", icon: IconCornerUpLeft },
  react: { label: "React", icon: IconMoodPlus },
  copy: { label: "Copy text", icon: IconCopy },
  edit: { label: "Edit", icon: IconPencil },
  pin: { label: "Pin", icon: IconPin },
  unpin: { label: "Unpin", icon: IconPinnedOff },
  delete: { label: "Delete", icon: IconTrash },
};
