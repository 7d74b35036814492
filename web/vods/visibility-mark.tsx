import { IconLink, IconLock, IconWorld, type TablerIcon } from "@tabler/icons-react";
import type { Visibility } from "#contract/vods";
import { VISIBILITIES } from "./words.ts";

const ICONS: Record<Visibility, TablerIcon> = { public: IconWorld, unlisted: IconLink, private: IconLock };

export function VisibilityMark({ visibility }: { visibility: Visibility }) {
  const Icon = ICONS[visibility];
  return (
    <span title={VISIBILITIES[visibility].explained}>
      <Icon size={16} stroke={1.7} aria-hidden="true" /> {VISIBILITIES[visibility].label}
    </span>
  );
}
